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
import { makeSyncGate, type SyncGate } from '../../support/servers/sync-gate.ts'

interface Exporting {
  readonly server: TestServer
  readonly taskids: readonly number[]
  readonly gate: SyncGate
}

/** Starts a server and queues exports; resolves while one of them is being packed, and keeps it unfinished. */
async function beginExports(t: Test, options: ServerOptions): Promise<Exporting> {
  const gate = makeSyncGate(t, options)
  const server = await startServer(t, { ...options, settings: gate.settings })
  const taskids = [await server.export(), await server.export(), await server.export()]
  await until('an export is being packed', async () => {
    const states = await Promise.all(taskids.map((taskid) => server.status(taskid)))
    return states.some(({ state, downloadedsize }) => state === 'running' && downloadedsize > 0)
  })
  t.notOk((await server.status(taskids.at(-1) ?? 0)).progress === 100, 'not all of them are done')
  return { server, taskids, gate }
}

/** All tasks end as complete after the next start, with archives that are equal and whole. */
async function completeAfterRestart(t: Test, options: ServerOptions, taskids: readonly number[]): Promise<void> {
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
    'no part of an archive remains'
  )
}

t.test(
  'after SIGTERM during an export the process exits with code 0, and the next start completes the export',
  async (t) => {
    const options = largeRepository(t)
    const { server, taskids, gate } = await beginExports(t, options)
    const ended = server.stop('SIGTERM')
    await until('the server stops', async () => !(await listens(server)))
    gate.open()
    t.same(await ended, { code: 0, signal: null })
    t.equal(server.stderr(), '')
    await completeAfterRestart(t, options, taskids)
  }
)

t.test('after SIGKILL during an export the next start completes the export', async (t) => {
  const options = largeRepository(t)
  const { server, taskids } = await beginExports(t, options)
  t.same(await server.stop('SIGKILL'), { code: null, signal: 'SIGKILL' })
  await completeAfterRestart(t, options, taskids)
})

t.test(
  'a download whose client stops reading is cut, and delays the stop no longer than the grace period',
  async (t) => {
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
  }
)

t.test('a second signal ends the process at once, and no accepted export is lost', async (t) => {
  const options = largeRepository(t)
  const server = await startServer(t, options)
  const { current } = await server.finished(await server.export())
  const url = `${server.url}/updateRepositories/firmware?key=export&exportRepoFilename=${current}`
  // A download whose client stops reading delays the end after the first signal by the grace period.
  const request = http.get(url, { agent: false, headers: { authorization: basic('admin', ADMIN_PASSWORD) } })
  const [response] = await once(request, 'response')
  response.on('error', () => {})
  const taskid = await server.export({ fixids: ['large'] })
  server.child.kill('SIGTERM')
  await until('the server stops', async () => !(await listens(server)))
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
