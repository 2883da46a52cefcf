import { once } from 'node:events'
import net from 'node:net'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import type { AnsweredRequest } from '../../../src/core/tasks/telemetry.ts'
import type { Services } from '../../../src/http/services.ts'
import { AUTHORIZATION, buildTestApp, listen } from '../../support/api/app.ts'

const LIST = '/updateRepositories/firmware?key=importDir'
const LIST_ROUTE = '/updateRepositories/firmware'

/** An app with its log and its metrics of requests. */
async function observed(t: Test, services: Partial<Services> = {}, level = 'info') {
  const lines: Record<string, unknown>[] = []
  const answered: AnsweredRequest[] = []
  const logger = pino({ level }, { write: (line: string) => lines.push(JSON.parse(line)) })
  const metrics = {
    contentType: 'text/plain',
    recordRequest: (one: AnsweredRequest) => answered.push(one),
    read: async () => 'x 1\n'
  }
  const { app, call } = await buildTestApp(t, { metrics, ...services }, undefined, {}, logger)
  return { app, call, lines, answered }
}

t.test('every answer has a unique request id', async (t) => {
  const { app, call } = await observed(t)
  const answers = [
    await call(LIST),
    await call('/nowhere'),
    await app.inject(LIST),
    await app.inject('/%E0%A4%A'),
    await app.inject('/docs/'),
    await call('/api/v1/packages?limit=wrong')
  ]
  t.same(
    answers.map(({ statusCode }) => statusCode),
    [200, 404, 401, 400, 200, 400]
  )
  const ids = answers.map(({ headers }) => headers['x-request-id'])
  t.equal(new Set(ids).size, answers.length)
  for (const id of ids) t.match(id, /^[0-9a-f]{12}-[0-9a-z]+$/)
})

t.test('a request id of the client is used if it is short and safe', async (t) => {
  const { call, lines } = await observed(t)
  const answered = async (id: string) => (await call(LIST, { headers: { 'x-request-id': id } })).headers['x-request-id']
  for (const id of ['a', '7f1d-42', 'Build_12.3', 'x'.repeat(64)]) t.equal(await answered(id), id)
  for (const id of ['', 'x'.repeat(65), 'a b', 'a"b', '{"level":60}', 'ü', 'a,b', '../x']) t.not(await answered(id), id)
  t.equal(lines.length, 12)
  t.match(lines[0], { requestId: 'a', msg: 'request finished' })
})

t.test('a finished request is one line with user, route and status, and no secrets', async (t) => {
  const { call, lines, answered } = await observed(t)
  await call(`${LIST}&password=canary`, { headers: { cookie: 'a=canary', 'x-csrf-token': 'canary' } })
  t.equal(lines.length, 1)
  t.match(lines[0], { level: 30, method: 'GET', route: LIST_ROUTE, status: 200, user: 'admin', address: '127.0.0.1' })
  t.match(Object.keys(lines[0] ?? {}).sort(), [
    'address',
    'bytes',
    'hostname',
    'level',
    'method',
    'ms',
    'msg',
    'pid',
    'requestId',
    'route',
    'status',
    'time',
    'user'
  ])
  t.notMatch(JSON.stringify(lines), /canary|Basic/)
  t.match(answered, [{ method: 'GET', route: LIST_ROUTE, status: 200, isCut: false }])
  t.ok((answered[0]?.seconds ?? 0) > 0)
})

t.test('a successful poll is logged at level debug; a refused one always', async (t) => {
  const health = async () => []
  const quiet = await observed(t, { health })
  await quiet.call('/health/ready')
  await quiet.call('/metrics')
  t.same(quiet.lines, [])
  t.equal(quiet.answered.length, 2)
  await quiet.app.inject('/metrics')
  t.match(quiet.lines.at(-1), { msg: 'request finished', route: '/metrics', status: 401 })
  const loud = await observed(t, { health }, 'debug')
  await loud.call('/health/ready')
  t.match(loud.lines, [{ level: 20, route: '/health/ready', status: 200 }])
})

t.test('a request without a route is counted without its URL', async (t) => {
  const { call, answered, lines } = await observed(t)
  await call('/canary/1')
  await call('/canary/2')
  t.match(answered, [
    { route: '', status: 404 },
    { route: '', status: 404 }
  ])
  t.notMatch(JSON.stringify(lines.filter(({ msg }) => msg === 'request finished')), 'canary')
})

t.test('a request whose client disconnects before the answer is logged as cut', async (t) => {
  const waiting = Promise.withResolvers<void>()
  const { app, answered, lines } = await observed(t, {
    async health() {
      waiting.resolve()
      return new Promise(() => {})
    }
  })
  const { port } = new URL(await listen(app))
  const socket = net.connect(Number(port), '127.0.0.1')
  socket.write('GET /health/ready HTTP/1.1\r\nHost: depot\r\n\r\n')
  await waiting.promise
  const told = new Promise((resolve) => app.server.once('connection', resolve) && socket.once('close', resolve))
  socket.destroy()
  await told
  while (answered.length === 0) await new Promise(setImmediate)
  t.match(answered, [{ route: '/health/ready', isCut: true }])
  t.ok(lines.every(({ msg }) => msg !== 'request finished'))
})

t.test('while the server stops, probes report it, and other requests are refused', async (t) => {
  const [asked, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const { app } = await observed(t, {
    async health() {
      asked.resolve()
      await release.promise
      return []
    }
  })
  const { port } = new URL(await listen(app))
  const socket = net.connect(Number(port), '127.0.0.1')
  let said = ''
  socket.setEncoding('utf8').on('data', (text) => (said += text))
  const ask = (url: string) =>
    socket.write(`GET ${url} HTTP/1.1\r\nHost: depot\r\nAuthorization: ${AUTHORIZATION}\r\n\r\n`)
  ask('/health/ready')
  await asked.promise
  const closed = app.close()
  while (app.server.listening) await new Promise(setImmediate)
  // On the connection that still waits for its answer.
  ask('/health/ready')
  const last = once(socket, 'close')
  release.resolve()
  await last
  await closed
  t.match(said, /503 Service Unavailable/)
  t.match(said, '{"name":"closing","isHealthy":false,"reason":"The server is stopping."}')
})
