import { createHash } from 'node:crypto'
import t from 'tap'
import { generateRepository } from '../../../sample/generate.ts'
import { basic } from '../../support/api/app.ts'
import { readZip } from '../../support/api/read-zip.ts'
import { ADMIN_PASSWORD, makeDirectories, startServer } from '../../support/servers/server.ts'

const FIRMWARE = '/updateRepositories/firmware'

t.test('an export over the network has the files of the repository, byte for byte', async (t) => {
  const directories = makeDirectories(t)
  const { repositoryDirectory: directory } = directories
  const manifest = await generateRepository({ directory, targetBytes: 600_000, seedFiles: [] })
  const server = await startServer(t, directories)

  async function exported(body: object): Promise<Record<string, string>> {
    const { state, current, totalsize, downloadedsize } = await server.finished(await server.export(body))
    t.equal(state, 'complete')
    const response = await server.call(`${FIRMWARE}?key=export&exportRepoFilename=${current}`)
    const bytes = Buffer.from(await response.arrayBuffer())
    t.equal(bytes.length, totalsize)
    t.equal(downloadedsize, totalsize)
    const files = [...(await readZip(bytes))]
    return Object.fromEntries(
      files.map(([name, content]) => [name, createHash('sha256').update(content).digest('hex')])
    )
  }
  const filesOf = (fixids: readonly string[]) => {
    const packages = manifest.packages.filter(({ fixid }) => fixids.includes(fixid))
    return Object.fromEntries(packages.flatMap(({ files }) => files.map(({ path, sha256 }) => [path, sha256])))
  }

  t.has(await exported({}), filesOf(manifest.packages.map(({ fixid }) => fixid)), 'everything')
  const two = manifest.packages.filter(({ kind, form }) => kind === 'update' && form === 'classic').slice(0, 2)
  const fixids = two.map(({ fixid }) => fixid)
  t.same(await exported({ fixids }), filesOf(fixids), 'two packages')
})

t.test('no secret appears in the log at the level trace', async (t) => {
  const server = await startServer(t, { ...makeDirectories(t), settings: { FIXDEPOT_LOG_LEVEL: 'trace' } })
  const guess = 'a wrong guess of it'
  const wrong = { authorization: basic('admin', guess), cookie: 'session=very-secret-cookie' }
  t.equal((await fetch(`${server.url}${FIRMWARE}`, { headers: wrong })).status, 401)
  t.equal((await server.call(`${FIRMWARE}?key=size`)).status, 200)
  t.equal((await server.call(`${FIRMWARE}?action=delete`, { method: 'PUT', body: '{"x":' })).status, 400)
  t.same(await server.stop(), { code: 0, signal: null })
  const output = server.stdout() + server.stderr()
  t.match(output, /request refused/, 'requests are logged')
  const secrets = [ADMIN_PASSWORD, guess, 'very-secret-cookie'].flatMap((secret) => [
    secret,
    basic('admin', secret).replace('Basic ', '')
  ])
  for (const secret of secrets) t.notOk(output.includes(secret), secret)
})
