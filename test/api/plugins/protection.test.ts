/** What browsers, pages of other sites and greedy users may do. */
import t, { type Test } from 'tap'
import type { Protection } from '../../../src/core/accounts/protection.ts'
import { AUTHORIZATION, buildTestApp, type Call, listen, openTestDepot, PASSWORD, USER } from '../../support/api/app.ts'
import { smallRepository } from '../../support/packages.ts'
import { makeCertificate } from '../../support/servers/certificates.ts'
import { until } from '../../support/servers/server.ts'

const SCAN = '/updateRepositories/firmware?action=read'
const ELSEWHERE = { origin: 'https://elsewhere.example' }

async function open(t: Test, protection: Partial<Protection> = {}) {
  return openTestDepot(t, smallRepository(), {}, undefined, protection)
}

/** The status of a request that changes something. */
async function change(call: Call, headers: Record<string, string>): Promise<number> {
  return (await call(SCAN, { method: 'PUT', headers })).statusCode
}

t.test('every answer has the security headers, also without a route and without a login', async (t) => {
  const { app, call } = await open(t)
  const answers = [await call('/tasks'), await call('/nowhere'), await app.inject('/api/v1/packages')]
  t.same(
    answers.map(({ statusCode }) => statusCode),
    [200, 404, 401]
  )
  for (const { headers } of [...answers, await app.inject('/health/live'), await app.inject('/%')]) {
    t.match(headers, {
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY'
    })
    t.notOk('strict-transport-security' in headers, 'a server without TLS does not ask for it')
    t.notOk('access-control-allow-origin' in headers)
  }
  for (const url of ['/tasks', '/api/v1/packages']) t.equal((await call(url)).headers['cache-control'], 'no-store')
})

t.test('with TLS, browsers are told to use only TLS', async (t) => {
  const certificate = await makeCertificate()
  const source = { current: () => certificate, onChange() {}, close() {} }
  const { app } = await buildTestApp(t, {}, source)
  t.equal((await app.inject('/health/live')).headers['strict-transport-security'], 'max-age=15552000')
})

t.test('a page of another site changes nothing, even with a login that the browser remembers', async (t) => {
  const { call } = await open(t)
  for (const site of ['cross-site', 'same-site']) t.equal(await change(call, { 'sec-fetch-site': site }), 403, site)
  for (const origin of [ELSEWHERE.origin, 'null', 'http://localhost:8443', 'file://']) {
    t.equal(await change(call, { host: 'localhost', origin }), 403, origin)
  }
  const refused = await call(SCAN, { method: 'PUT', headers: ELSEWHERE })
  t.match(refused.json().messages[0], { id: 'FQXHMSE9014L', recovery: { text: /FIXDEPOT_CORS_ORIGINS/ } })
  const login = { method: 'POST' as const, payload: { UserId: USER, password: PASSWORD }, headers: ELSEWHERE }
  t.equal((await call('/sessions', login)).statusCode, 403, 'nor does it log anybody in')
})

t.test('pages of this server and programs are allowed', async (t) => {
  const { call } = await open(t)
  t.equal(await change(call, {}), 200)
  t.equal(await change(call, { 'sec-fetch-site': 'same-origin', origin: 'https://proxy.example' }), 200)
  t.equal(await change(call, { 'sec-fetch-site': 'none' }), 200)
  t.equal(await change(call, { host: 'depot.example:8443', origin: 'https://depot.example:8443' }), 200)
  t.equal(await change(call, { host: 'depot.example:443', origin: 'https://depot.example' }), 200, 'a default port')
  t.equal((await call('/tasks', { headers: { ...ELSEWHERE, 'sec-fetch-site': 'cross-site' } })).statusCode, 200)
})

t.test('a request without a login cannot send a large body', async (t) => {
  const { app } = await buildTestApp(t, {})
  const payload = { UserId: USER, password: 'x'.repeat(20_000) }
  t.equal((await app.inject({ method: 'POST', url: '/sessions', payload })).statusCode, 413)
})

t.test('pages of a listed origin can use the API, other pages get no headers', async (t) => {
  const { app, call } = await open(t, { corsOrigins: [ELSEWHERE.origin] })
  t.equal(await change(call, { ...ELSEWHERE, 'sec-fetch-site': 'cross-site' }), 200)
  const asks = { 'access-control-request-method': 'PUT', 'access-control-request-headers': 'authorization' }
  const preflight = await app.inject({ method: 'OPTIONS', url: SCAN, headers: { ...ELSEWHERE, ...asks } })
  t.equal(preflight.statusCode, 204)
  t.match(preflight.headers, {
    'access-control-allow-origin': ELSEWHERE.origin,
    'access-control-allow-methods': /PUT/,
    'access-control-allow-headers': /Authorization/
  })
  t.notOk('access-control-allow-credentials' in preflight.headers, 'a login has to be given by the page itself')
  const unknown = await call('/tasks', { headers: { origin: 'https://other.example' } })
  t.notOk('access-control-allow-origin' in unknown.headers)
  t.equal(await change(call, { origin: 'https://other.example' }), 403)
})

t.test('forwarded headers are used only from a listed proxy', async (t) => {
  const says = { 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'https' }
  const addressAndCookie = async (trustedProxies: string[]) => {
    const { app } = await open(t, { trustedProxies })
    const payload = { UserId: USER, password: PASSWORD }
    const answer = await app.inject({ method: 'POST', url: '/sessions', payload, headers: says })
    return [answer.json().response.session.Address, answer.cookies.every(({ secure }) => secure === true)]
  }
  t.same(await addressAndCookie([]), ['127.0.0.1', false])
  t.same(await addressAndCookie(['10.0.0.0/8']), ['127.0.0.1', false])
  t.same(await addressAndCookie(['127.0.0.1/32']), ['192.0.2.7', true])
})

t.test('the OpenAPI document can need a login, or be off', async (t) => {
  const urls = ['/docs/', '/docs/static/swagger-initializer.js', '/docs/json', '/docs/yaml', '/openapi.json']
  const statuses = async (docs: Protection['docs'], headers = {}) => {
    const { app } = await buildTestApp(t, {}, undefined, { docs })
    return Promise.all(urls.map(async (url) => (await app.inject({ url, headers })).statusCode))
  }
  t.same(new Set(await statuses('public')), new Set([200]))
  t.same(new Set(await statuses('login')), new Set([401]))
  t.same(new Set(await statuses('login', { authorization: AUTHORIZATION })), new Set([200]))
  t.same(new Set(await statuses('off', { authorization: AUTHORIZATION })), new Set([404]))
})

t.test('a link cannot make the page show a foreign document', async (t) => {
  const { app } = await buildTestApp(t, {})
  const script = (await app.inject('/docs/static/swagger-initializer.js')).body
  t.match(script, /"queryConfigEnabled":\s*false/)
  t.match((await app.inject('/docs/')).headers['content-security-policy'], /^default-src 'self';/)
  t.notMatch((await app.inject('/docs/')).headers['content-security-policy'], /unsafe/)
})

t.test('the streams of one user are limited, without affecting other users', async (t) => {
  const limits = { exports: 9, tasks: 9, uploads: 1, downloads: 1, streams: 1 }
  const { app } = await open(t, { userLimits: limits })
  const url = await listen(app)
  const headers = { authorization: AUTHORIZATION }
  const stream = new AbortController()
  const first = await fetch(`${url}/api/v1/events`, { headers, signal: stream.signal })
  t.equal(first.status, 200)
  const second = await fetch(`${url}/api/v1/events`, { headers })
  t.equal(second.status, 429)
  t.match(second.headers.get('retry-after'), /^\d+$/)
  t.match(await second.json(), { code: 'LIMIT_REACHED', detail: /admin has 1 streams of events in progress/ })
  const download = await fetch(`${url}/api/v1/archive?all=true`, { headers })
  t.equal(download.status, 200, 'each kind is counted by itself')
  await download.arrayBuffer()
  stream.abort()
  await until('the first stream has ended', async () => {
    const again = await fetch(`${url}/api/v1/events`, { headers })
    await again.body?.cancel()
    return again.status === 200
  })
})

t.test('ended downloads and errors do not count as downloads', async (t) => {
  const limits = { exports: 9, tasks: 9, uploads: 1, downloads: 1, streams: 1 }
  const { call, import: send } = await open(t, { userLimits: limits })
  for (const query of ['all=true', 'fixids=nobody', 'all=true']) {
    t.not((await call(`/api/v1/archive?${query}`)).statusCode, 429, query)
  }
  for (let turn = 0; turn < 3; turn += 1) t.not((await send({ 'a.txt': 'x' })).statusCode, 429)
})

t.test('the live exports and tasks of one user are limited', async (t) => {
  const userLimits = { exports: 2, tasks: 3, uploads: 1, downloads: 1, streams: 1 }
  const { call, db, run } = await openTestDepot(t, smallRepository(), { userLimits })
  const start = async () => call('/api/v1/exports', { method: 'POST', payload: { all: true } })
  t.same([(await start()).statusCode, (await start()).statusCode], [201, 201])
  const refused = await start()
  t.equal(refused.statusCode, 429)
  t.match(refused.json(), { code: 'LIMIT_REACHED', detail: /admin has 2 exports that have not ended/ })
  t.equal(await change(call, {}), 200)
  t.equal(await change(call, {}), 429, 'there are three tasks')
  const scan = await call(SCAN, { method: 'PUT' })
  t.match(scan.json().messages, [{ id: 'FQXHMUP9033L', text: /3 tasks/ }])
  await run('export')
  t.equal((await start()).statusCode, 201)
  await db.updateTable('task').set({ created_by: 'another' }).execute()
  t.equal((await start()).statusCode, 201, 'those of another user do not count')
})
