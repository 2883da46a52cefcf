/** The repository changes or disappears while the server runs. */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { packageFiles } from '../../support/packages.ts'
import { makeDirectories, startServer } from '../../support/servers/server.ts'

const FIRMWARE = '/updateRepositories/firmware'

t.test('a missing repository directory is reported, and the server works again when it is back', async (t) => {
  const directories = makeDirectories(t, packageFiles({ fixid: 'a', payload: 'x' }))
  const { repositoryDirectory } = directories
  const root = path.dirname(repositoryDirectory)
  const server = await startServer(t, directories)
  const ready = async () => {
    const response = await fetch(`${server.url}/health/ready`)
    return { code: response.status, body: (await response.json()) as { checks: { name: string }[] } }
  }
  const read = async () => server.json<{ taskid: number }>(`${FIRMWARE}?action=read`, { method: 'PUT' })
  t.match(await ready(), { code: 200, body: { status: 'ready' } })

  fs.renameSync(repositoryDirectory, `${repositoryDirectory}-gone`)
  const notReady = await ready()
  t.equal(notReady.code, 503)
  t.match(
    notReady.body.checks.find(({ name }) => name === 'repository'),
    { isHealthy: false, reason: /ENOENT/ }
  )
  t.notMatch(JSON.stringify(notReady), root, 'the answer does not contain paths')
  const failed = await server.finished((await read()).taskid)
  t.match(failed, {
    state: 'error',
    message: /The repository directory cannot be read: ENOENT\. The catalog stays as it was\./
  })
  const exported = await server.finished(await server.export())
  t.match(exported, { state: 'error', current: '', message: /cannot be read/ })
  t.notMatch(JSON.stringify([failed, exported]), root)
  t.equal((await server.call(`${FIRMWARE}?key=updates`)).status, 200)
  t.match((await server.call(`${FIRMWARE}?key=size`)).status, /^(200|503)$/, 'no internal error')

  fs.renameSync(`${repositoryDirectory}-gone`, repositoryDirectory)
  t.equal((await ready()).code, 200)
  t.match(await server.finished((await read()).taskid), { state: 'complete' })
  t.match(await server.finished(await server.export()), { state: 'complete', total: 1 })
  t.same(await server.stop(), { code: 0, signal: null })
})

t.test('a file that disappears or changes fails the export with a message that names it', async (t) => {
  const files = { ...packageFiles({ fixid: 'a', payload: 'x' }), ...packageFiles({ fixid: 'b', payload: 'y' }) }
  const directories = makeDirectories(t, files)
  const { dataDirectory, repositoryDirectory } = directories
  const server = await startServer(t, directories)
  fs.rmSync(path.join(repositoryDirectory, 'a.uxz'))
  fs.writeFileSync(path.join(repositoryDirectory, 'b.uxz'), 'Y')
  for (const fixid of ['a', 'b']) {
    const { state, message, current } = await server.finished(await server.export({ fixids: [fixid] }))
    t.match({ state, message, current }, { state: 'error', message: new RegExp(`${fixid}\\.uxz`), current: '' })
  }
  t.same(fs.readdirSync(path.join(dataDirectory, 'archives')), [], 'no archive remains')
})

t.test('no request ends the process', async (t) => {
  const server = await startServer(t, makeDirectories(t))
  const nested = (open: string, close: string) => `{"fixids":${open.repeat(50_000)}1${close.repeat(50_000)}}`
  const cases: [name: string, query: string, body?: string][] = [
    ['a body of nested lists', '?action=export', nested('[', ']')],
    ['a body of nested objects', '?action=export', nested('{"a":', '}')],
    ['a body for prototypes', '?action=export', '{"__proto__":{}}'],
    ['parameters named like methods', '?__defineGetter__=1&__proto__=2&constructor=3'],
    ['a long list of machine types', `?mt=${'7X05,'.repeat(2000)}`],
    ['a name with NUL', '?key=export&exportRepoFilename=%00']
  ]
  for (const [name, query, body] of cases) {
    const init = body === undefined ? {} : { method: 'PUT', body }
    const outcome = await server.call(FIRMWARE + query, init).then(
      ({ status }) => status,
      (error: Error) => error.message
    )
    t.match(outcome, /^(200|400|404)$/, name)
  }
  t.equal(server.child.exitCode, null)
  t.equal(server.stderr(), '')
})
