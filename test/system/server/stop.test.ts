import { createHash } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import t, { type Test } from 'tap'
import { basic } from '../../support/api/app.ts'
import { LARGE_BYTES, largeRepository } from '../../support/servers/large-repository.ts'
import {
  ADMIN_PASSWORD,
  type ServerOptions,
  startServer,
  type TestServer,
  until
} from '../../support/servers/server.ts'

/** Queues some exports, and resolves while one of them is being packed. */
async function beginExports(t: Test, server: TestServer): Promise<number[]> {
  const taskids = [await server.export(), await server.export(), await server.export()]
  await until('an export is being packed', async () => {
    const states = await Promise.all(taskids.map((taskid) => server.status(taskid)))
    return states.some(({ state, downloadedsize }) => state === 'running' && downloadedsize > 0)
  })
  t.notOk((await server.status(taskids.at(-1) ?? 0)).progress === 100, 'not all of them are done')
  return taskids
}

/** All tasks end as complete after the next start, with archives that are equal and whole. */
async function equalAfterRestart(t: Test, options: ServerOptions, taskids: readonly number[]): Promise<void> {
  const server = await startServer(t, options)
  const archives = path.join(options.dataDirectory, 'archives')
  const digests = new Set<string>()
  for (const taskid of taskids) {
    const { state, message, current, total, downloadednum, totalsize, downloadedsize } = await server.finished(taskid)
    t.match({ state, message }, { state: 'complete', message: 'Repository operation completed successfully.' })
    t.match([downloadednum, downloadedsize], [total, totalsize])
    const bytes = fs.readFileSync(path.join(archives, current))
    t.equal(bytes.length, totalsize)
    const offset = bytes.indexOf(`at ${LARGE_BYTES / 3}`)
    t.ok(offset > LARGE_BYTES / 3 && offset < LARGE_BYTES / 3 + 1000)
    digests.add(createHash('sha256').update(bytes).digest('hex'))
  }
  t.equal(digests.size, 1)
  t.notOk(
    fs.readdirSync(archives).some((name) => name.endsWith('.part')),
    'nothing unfinished is left'
  )
}

t.test(
  'after SIGTERM during an export the process ends well, and the export completes with the next start',
  async (t) => {
    const options = largeRepository(t)
    const server = await startServer(t, options)
    const taskids = await beginExports(t, server)
    t.same(await server.stop('SIGTERM'), { code: 0, signal: null })
    t.equal(server.stderr(), '')
    await equalAfterRestart(t, options, taskids)
  }
)

t.test('after SIGKILL during an export the export completes with the next start', async (t) => {
  const options = largeRepository(t)
  const server = await startServer(t, options)
  const taskids = await beginExports(t, server)
  t.same(await server.stop('SIGKILL'), { code: null, signal: 'SIGKILL' })
  await equalAfterRestart(t, options, taskids)
})

t.test('a download that nobody reads on is cut, and holds the stop no longer than the grace', async (t) => {
  const server = await startServer(t, largeRepository(t))
  const { current } = await server.finished(await server.export())
  const url = `${server.url}/updateRepositories/firmware?key=export&exportRepoFilename=${current}`
  const request = http.get(url, { agent: false, headers: { authorization: basic('admin', ADMIN_PASSWORD) } })
  const [response] = await once(request, 'response')
  const cut = once(response, 'error')
  const ended = await server.stop('SIGTERM')
  t.same(ended, { code: 0, signal: null })
  t.equal(server.stderr(), '')
  response.resume()
  t.match(await cut, [{ code: 'ECONNRESET' }])
})

t.test('a second signal ends the process at once, and loses nothing', async (t) => {
  const options = largeRepository(t)
  const server = await startServer(t, options)
  const { current } = await server.finished(await server.export())
  const url = `${server.url}/updateRepositories/firmware?key=export&exportRepoFilename=${current}`
  // A download that nobody reads on would hold the first one for the time of the grace.
  const request = http.get(url, { agent: false, headers: { authorization: basic('admin', ADMIN_PASSWORD) } })
  const [response] = await once(request, 'response')
  response.on('error', () => {})
  const taskid = await server.export({ fixids: ['large'] })
  server.child.kill('SIGTERM')
  await until('the first signal was heard', async () => !(await listens(server)))
  t.same(await server.stop('SIGTERM'), { code: 1, signal: null })
  const next = await startServer(t, options)
  t.match(await next.finished(taskid), { state: 'complete' })
})

async function listens(server: TestServer): Promise<boolean> {
  return fetch(`${server.url}/health/live`).then(
    () => true,
    () => false
  )
}
