import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { type ReadEvent, readEvents } from '../../support/api/read-events.ts'
import { largeRepository } from '../../support/servers/large-repository.ts'
import { ADMIN_PASSWORD, startServer, type TestServer, until } from '../../support/servers/server.ts'

const run = promisify(execFile)

const follow = async (server: TestServer, lastEventId = '') =>
  readEvents(await server.call('/api/v1/events', { headers: { 'last-event-id': lastEventId } }))

t.test('a client that follows the exports receives their end after the server was killed and restarted', async (t) => {
  const options = largeRepository(t)
  const server = await startServer(t, options)
  const events = await follow(server)
  const first = await server.export()
  let last: ReadEvent
  do last = (await events.next()).value as ReadEvent
  while (last.data.state !== 'completed')
  t.equal(last.data.id, first)
  const other = {
    method: 'POST',
    body: '{"all":true,"files":"payloads"}',
    headers: { 'content-type': 'application/json' }
  }
  const { id: taskid } = await server.json<{ id: number }>('/api/v1/exports', other)
  await server.stop('SIGKILL')
  await t.rejects(async () => {
    while (!(await events.next()).done);
  }, 'the stream is cut')
  const again = await startServer(t, options)
  await again.finished(taskid)
  const { value } = await (await follow(again, last.id)).next()
  t.match(value, { event: 'export', data: { id: taskid, state: 'completed', percent: 100 } })
})

t.test('curl shows the progress of an export, with figures that only grow', async (t) => {
  const server = await startServer(t, largeRepository(t))
  const taskid = await server.export()
  const url = `${server.url}/api/v1/exports/${taskid}/events`
  const { stdout } = await run('curl', ['-sN', '-u', `admin:${ADMIN_PASSWORD}`, url])
  const seen = stdout.split('\n').flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6))] : []))
  t.match(seen.at(-1), { id: taskid, state: 'completed', percent: 100, bytesPerSecond: null })
  const bytes = seen.map(({ bytesDone }) => bytesDone)
  t.same(
    bytes,
    bytes.toSorted((left, right) => left - right)
  )
  t.equal(seen.at(-1).bytesDone, seen.at(-1).bytesTotal)
})

t.test('a stop does not wait for clients that follow events', async (t) => {
  const server = await startServer(t, largeRepository(t))
  const events = await follow(server)
  await server.finished(await server.export())
  await events.next()
  const begun = Date.now()
  t.same(await server.stop(), { code: 0, signal: null })
  t.ok(Date.now() - begun < 9_000, 'the stop takes less than the grace period')
  await until('the stream has ended', async () => (await events.next()).done === true)
})
