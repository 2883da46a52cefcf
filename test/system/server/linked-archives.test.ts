import t, { type Test } from 'tap'
import { packageFiles } from '../../support/packages.ts'
import { makeBucket, withoutS3 } from '../../support/servers/s3-server.ts'
import { makeDirectories, startServer } from '../../support/servers/server.ts'

const SIGNATURE = /X-Amz-Signature=([0-9a-f]{64})/

/** Starts a server that redirects downloads to its bucket, and packs an export. */
async function startLinking(t: Test, settings: Record<string, string> = {}) {
  const bucket = await makeBucket(t)
  const payload = Buffer.alloc(3_000_000, 'firmware that is in no other package')
  const server = await startServer(t, {
    ...makeDirectories(t, packageFiles({ fixid: 'a', payload })),
    settings: { ...bucket.settings, FIXDEPOT_S3_REDIRECT: 'yes', ...settings }
  })
  const taskid = await server.export()
  const { current } = await server.finished(taskid)
  const url = `/api/v1/exports/${taskid}/archive`
  const ask = (headers: Record<string, string> = {}, method = 'GET', path = url) =>
    server.call(path, { method, headers, redirect: 'manual' })
  return { server, bucket, taskid, current, url, ask }
}

const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer())

t.test('archives in a bucket that are downloaded from there', { skip: withoutS3 }, async (t) => {
  t.test('a request for a packed archive is redirected to the bucket, which gives the same answer', async (t) => {
    const { server, bucket, current, url, ask } = await startLinking(t)
    const lxca = `/updateRepositories/firmware?key=export&exportRepoFilename=${current}`
    const streamed = await ask({}, 'GET', lxca)
    t.equal(streamed.status, 200, 'the API of the appliance sends the archive itself')
    const whole = await bytesOf(streamed)

    const redirect = await ask()
    t.equal(redirect.status, 302)
    const link = redirect.headers.get('location') ?? ''
    t.equal(new URL(link).origin, bucket.endpoint)
    t.match(link, SIGNATURE)
    t.match(new URL(link).searchParams.get('X-Amz-Expires'), '300')
    t.equal(redirect.headers.get('cache-control'), 'no-store')
    t.equal(redirect.headers.get('etag'), streamed.headers.get('etag'))
    t.equal(redirect.headers.get('content-disposition'), null)
    t.equal(await redirect.text(), '')

    const linked = await fetch(link)
    t.equal(linked.status, 200)
    for (const name of ['content-type', 'content-disposition', 'content-length', 'last-modified']) {
      t.equal(linked.headers.get(name), streamed.headers.get(name), name)
    }
    t.ok((await bytesOf(linked)).equals(whole))
    const part = await fetch(link, { headers: { range: 'bytes=1000000-1999999' } })
    t.equal(part.status, 206)
    t.ok((await bytesOf(part)).equals(whole.subarray(1_000_000, 2_000_000)))
    t.equal((await fetch(`${link}0`)).status, 403, 'another signature is refused')

    const followed = await server.call(url, { headers: { range: 'bytes=-10' } })
    t.equal(followed.status, 206, 'a client that follows the redirect repeats its range')
    t.ok((await bytesOf(followed)).equals(whole.subarray(-10)))

    const { records } = await server.json<{ records: { status: number }[] }>('/api/v1/audit?action=downloadArchive')
    t.match(records[0], { status: 302 }, 'the audit trail records the redirect')
    const [, signature = '?'] = SIGNATURE.exec(link) ?? []
    await server.stop()
    t.notMatch(server.stdout(), signature)
    t.notMatch(server.stdout(), /X-Amz-/)
    t.notMatch(server.stderr(), /X-Amz-/)
  })

  t.test('the server itself answers requests without content or with its own ETag', async (t) => {
    const { ask } = await startLinking(t)
    const head = await ask({}, 'HEAD')
    t.equal(head.status, 200)
    const size = Number(head.headers.get('content-length'))
    const etag = head.headers.get('etag') ?? ''
    t.equal((await ask({ 'if-none-match': etag })).status, 304)
    t.equal((await ask({ 'if-modified-since': head.headers.get('last-modified') ?? '' })).status, 304)
    const behind = await ask({ range: `bytes=${size}-` })
    t.equal(behind.status, 416)
    t.equal(behind.headers.get('content-range'), `bytes */${size}`)
    t.equal((await ask({ range: 'bytes=0-9' })).status, 302)
    const resumed = await ask({ range: 'bytes=0-9', 'if-range': etag })
    t.equal(resumed.status, 206)
    t.equal((await bytesOf(resumed)).length, 10)
    const other = await ask({ range: 'bytes=0-9', 'if-range': '"another"' })
    t.equal(other.status, 200)
    t.equal((await bytesOf(other)).length, size)
    t.equal((await ask({ 'if-match': etag })).status, 200)
    t.equal(
      (await ask({}, 'GET', '/api/v1/archive?all=true')).status,
      200,
      'an archive that is not packed is streamed by the server'
    )
  })

  t.test('without the setting the server sends the archive itself', async (t) => {
    const { ask } = await startLinking(t, { FIXDEPOT_S3_REDIRECT: 'no' })
    const response = await ask()
    t.equal(response.status, 200)
    await response.arrayBuffer()
  })
})
