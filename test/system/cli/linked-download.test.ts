/** The program downloads an archive from the bucket of a real server, through the server's redirect. */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { runProgram } from '../../support/cli/run-program.ts'
import { type Fate, startProxy } from '../../support/cli/unreliable-proxy.ts'
import { packageFiles } from '../../support/packages.ts'
import { makeBucket, withoutS3 } from '../../support/servers/s3-server.ts'
import { ADMIN_PASSWORD, makeDirectories, startServer } from '../../support/servers/server.ts'

const CUT_AFTER = 1_000_000
const SIGNED_REQUEST = /GET [^\r]*X-Amz-Signature=[\s\S]*?\r\n\r\n/g

t.test(
  'an export is downloaded from the bucket, without sending the credentials there',
  { skip: withoutS3 },
  async (t) => {
    const bucket = await makeBucket(t)
    let fate: Fate = { kind: 'whole' }
    const storage = await startProxy(t, Number(new URL(bucket.endpoint ?? '').port), () => fate)
    const payload = Buffer.alloc(3_500_000, 'firmware that is in no other package')
    const directories = makeDirectories(t, packageFiles({ fixid: 'a', payload }))
    const server = await startServer(t, {
      ...directories,
      settings: {
        ...bucket.settings,
        FIXDEPOT_S3_ENDPOINT: `http://127.0.0.1:${storage.port}`,
        FIXDEPOT_S3_REDIRECT: 'yes'
      }
    })
    const cwd = path.join(path.dirname(directories.dataDirectory), 'run')
    fs.mkdirSync(cwd)
    const environment = { FIXDEPOT_URL: server.url, FIXDEPOT_USER: 'admin', FIXDEPOT_PASSWORD: ADMIN_PASSWORD }
    const run = (...args: string[]) => runProgram(['export', '--all', '--json', ...args], { cwd, environment })
    const signed = () => storage.received().match(SIGNED_REQUEST) ?? []
    const rangesOf = (requests: readonly string[]) => requests.map((head) => /^range: (.*)\r$/im.exec(head)?.[1])

    const first = await run('--output', 'a.zip')
    t.same([first.code, first.stderr], [0, ''])
    t.match(JSON.parse(first.stdout), { isVerified: true, resumedFrom: 0 })
    t.same(rangesOf(signed()), [undefined], 'one request, for the whole archive')
    const whole = fs.readFileSync(path.join(cwd, 'a.zip'))

    const { digest } = JSON.parse(first.stdout)
    fs.writeFileSync(path.join(cwd, 'b.zip.part'), whole.subarray(0, 2_000_000))
    fs.writeFileSync(path.join(cwd, 'b.zip.part.json'), JSON.stringify({ etag: `"${digest}"` }))
    const resumed = await run('--output', 'b.zip')
    t.match(JSON.parse(resumed.stdout), { isVerified: true, resumedFrom: 2_000_000 })
    t.same(rangesOf(signed()).slice(1), ['bytes=2000000-'])

    fate = { kind: 'cut', bytes: CUT_AFTER }
    const before = signed().length
    const cut = await run('--output', 'c.zip')
    t.same([cut.code, cut.stderr], [0, ''])
    t.ok(fs.readFileSync(path.join(cwd, 'c.zip')).equals(whole))
    t.ok(signed().length - before >= 4, 'each cut download is resumed with a new link')

    for (const head of signed()) t.notMatch(head, /^(authorization|cookie|x-csrf-token):/im)
  }
)
