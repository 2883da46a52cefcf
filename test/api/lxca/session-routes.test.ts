import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { openTestDepot, PASSWORD, SESSION_TIMEOUT_MS, type TestDepot, USER } from '../../support/api/app.ts'
import { equalError } from '../../support/api/error-body.ts'
import { smallRepository } from '../../support/packages.ts'

const FIRMWARE = '/updateRepositories/firmware'
const LOGIN = { UserId: USER, password: PASSWORD }
const ENDED = { status: 401, id: 'FQXHMSE9001L', text: /^The session has ended/ }

/** Of a client that keeps the cookies of its login. */
interface Client {
  readonly id: string
  readonly headers: { cookie: string; 'x-csrf-token': string }
}

function login(depot: TestDepot, payload: object = LOGIN): Promise<LightMyRequestResponse> {
  return depot.app.inject({ method: 'POST', url: '/sessions', payload })
}

async function logIn(depot: TestDepot): Promise<Client> {
  const response = await login(depot)
  const cookies = Object.fromEntries(response.cookies.map(({ name, value }) => [name, value]))
  const cookie = `JSESSIONID=${cookies.JSESSIONID}; csrf=${cookies.csrf}`
  const id = String(cookies.JSESSIONID).split('.')[0] ?? ''
  return { id, headers: { cookie, 'x-csrf-token': String(cookies.csrf) } }
}

const read = (depot: TestDepot, headers: object) =>
  depot.app.inject({ url: `${FIRMWARE}?key=importDir`, headers: { ...headers } })

t.test('the answer to a login has the members that each client reads', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const response = await login(depot)
  t.equal(response.statusCode, 200)
  const cookies = new Map(response.cookies.map((cookie) => [cookie.name, cookie]))
  const { session, ...rest } = response.json().response
  t.same(rest, { pwChangeRequired: false })
  t.match(session, {
    UserId: USER,
    Address: '127.0.0.1',
    authenticationServer: 'local',
    created: /^\d{4}-.*Z$/,
    lastAccessed: session.created,
    idleFor: '0',
    isOwnSession: true,
    inactivityTimeout: '1440'
  })
  t.equal(session.id, cookies.get('JSESSIONID')?.value)
  t.equal(session.csrf, cookies.get('csrf')?.value)
  t.match(response.json(), { result: 'success', messages: [{ id: 'FQXHMSE0001I' }] })
  t.match(cookies.get('JSESSIONID'), { path: '/', httpOnly: true, sameSite: 'Strict' })
  t.match(cookies.get('csrf'), { path: '/', httpOnly: undefined })
  t.match([cookies.get('user')?.value, cookies.get('inactivityTimeout')?.value], [USER, '1440'])
  t.equal(response.headers['cache-control'], 'no-store')
})

t.test('attribute names of the login are not case-sensitive, with any content type', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  for (const payload of [
    { UserId: USER, password: PASSWORD },
    { userID: USER, password: PASSWORD },
    { userid: USER, Password: PASSWORD }
  ]) {
    t.equal((await login(depot, payload)).statusCode, 200)
  }
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const payload = JSON.stringify(LOGIN)
  t.equal((await depot.app.inject({ method: 'POST', url: '/sessions', headers, payload })).statusCode, 200)
})

t.test('a wrong name or password is a 403 without a cookie', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  for (const payload of [
    { ...LOGIN, password: 'another password' },
    { ...LOGIN, UserId: 'root' },
    { UserId: '', password: '' }
  ]) {
    const response = await login(depot, payload)
    equalError(t, response, { status: 403, id: 'FQXHMSE9004L', text: /^The user name or the password is wrong\.$/ })
    t.same(response.cookies, [])
  }
})

t.test('an invalid login names the missing attribute, and never quotes a password', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const secret = 'canary-4711'
  const cases: [payload: unknown, text: RegExp][] = [
    [{}, /^The attribute UserId is missing\.$/],
    [{ UserId: USER }, /^The attribute password is missing\.$/],
    [{ password: secret }, /^The attribute UserId is missing\.$/],
    [{ UserId: USER, password: [secret] }, /^The attribute password must be a string\.$/],
    [{ UserId: USER, password: secret.repeat(1000) }, /^The attribute password is longer than 1024 characters\.$/],
    [[secret], /^The attribute UserId is missing\.$/]
  ]
  for (const [payload, text] of cases) {
    const response = await login(depot, payload as object)
    equalError(t, response, { status: 400, id: 'FQXHMUP9002L', text })
    t.notMatch(response.body, secret)
  }
  const broken = await depot.app.inject({ method: 'POST', url: '/sessions', payload: `{"password": ${secret}` })
  t.equal(broken.statusCode, 400)
  t.notMatch(broken.body, secret)
})

t.test('the cookie suffices for reading; changes also need the header', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const { headers } = await logIn(depot)
  const { cookie } = headers
  t.equal((await read(depot, { cookie })).statusCode, 200)
  const put = (more: object) =>
    depot.app.inject({ method: 'PUT', url: `${FIRMWARE}?action=read`, headers: { cookie, ...more } })
  const refused = { status: 403, id: 'FQXHMSE9002L' }
  equalError(t, await put({}), { ...refused, text: /^The header X-Csrf-Token is missing\.$/ })
  const wrong = { 'x-csrf-token': 'x'.repeat(43) }
  equalError(t, await put(wrong), { ...refused, text: /^The header X-Csrf-Token is not that of the session\.$/ })
  t.equal((await depot.tasks.liveTotals(undefined)).count, 0, 'nothing was started')
  t.equal((await put({ 'X-Csrf-token': headers['x-csrf-token'] })).statusCode, 200)
  const [task] = await depot.tasks.liveTasks(undefined, 1)
  t.equal(task?.createdBy, USER)
})

t.test('an invented, shortened or foreign cookie is no login', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const one = await logIn(depot)
  const other = await logIn(depot)
  const token = /JSESSIONID=([^;]+)/.exec(one.headers.cookie)?.[1] ?? ''
  const otherSecret = /JSESSIONID=[^.]+\.([^;]+)/.exec(other.headers.cookie)?.[1] ?? ''
  for (const bad of ['', '.', 'x', one.id, `${one.id}.`, token.slice(0, -1), `${token}A`, `${one.id}.${otherSecret}`]) {
    const response = await read(depot, { cookie: `JSESSIONID=${bad}` })
    equalError(t, response, ENDED, bad)
    t.match(response.headers['www-authenticate'], /^Basic /)
  }
})

t.test('credentials in the request take precedence over an ended cookie', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const response = await depot.call(`${FIRMWARE}?action=read`, { method: 'PUT', headers: { cookie: 'JSESSIONID=a.b' } })
  t.equal(response.statusCode, 200, 'and need no other header')
})

t.test('sessions are listed without their secrets', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const clients = [await logIn(depot), await logIn(depot)]
  const response = await depot.app.inject({ url: '/sessions', headers: { cookie: clients[1]?.headers.cookie } })
  t.same(
    response
      .json()
      .response.map(({ id, isOwnSession }: Record<string, unknown>) => [id, isOwnSession])
      .sort(),
    clients.map(({ id }, index) => [id, index === 1]).sort()
  )
  for (const { headers } of clients) t.notMatch(response.body, headers['x-csrf-token'])
  for (const { id } of clients) equalError(t, await read(depot, { cookie: `JSESSIONID=${id}` }), ENDED)
  const basic = await depot.call('/sessions')
  t.ok(basic.json().response.every(({ isOwnSession }: { isOwnSession: boolean }) => !isOwnSession))
})

t.test('a logout ends the own session, and no other', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const one = await logIn(depot)
  const other = await logIn(depot)
  const response = await depot.app.inject({
    method: 'DELETE',
    url: '/sessions',
    headers: { ...one.headers, 'content-type': 'application/json; charset=utf-8', 'content-length': '0' }
  })
  t.equal(response.statusCode, 200)
  t.match(response.json(), { result: 'success', messages: [{ id: 'FQXHMSE0001I' }] })
  t.ok(response.cookies.every(({ value }) => value === ''))
  equalError(t, await read(depot, one.headers), ENDED)
  t.equal((await read(depot, other.headers)).statusCode, 200)
  const withoutSession = await depot.call('/sessions', { method: 'DELETE' })
  t.equal(withoutSession.statusCode, 200)
  t.equal((await read(depot, other.headers)).statusCode, 200)
})

t.test('a session is ended by its id; an id that no session has changes nothing', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const { id, headers } = await logIn(depot)
  // One client takes the id of a message for that of its session.
  for (const unknown of ['FQXHMSE0001I', '00000000-0000-4000-8000-000000000000', '..%2f..']) {
    const response = await depot.call(`/sessions/${unknown}`, { method: 'DELETE' })
    equalError(t, response, { status: 404, id: 'FQXHMSE9003L', text: /^There is no session/ })
  }
  t.equal((await read(depot, headers)).statusCode, 200)
  t.equal((await depot.call(`/sessions/${id}`, { method: 'DELETE' })).statusCode, 200)
  equalError(t, await read(depot, headers), ENDED)
})

t.test('a session lasts as long as it is used; polling does not count as use', async (t) => {
  let time = Date.parse('2026-04-05T06:07:08.009Z')
  const depot = await openTestDepot(t, smallRepository(), { now: () => new Date(time) })
  const used = await logIn(depot)
  const heartbeats = await logIn(depot)
  for (let round = 0; round < 3; round += 1) {
    time += SESSION_TIMEOUT_MS / 2
    t.equal((await read(depot, used.headers)).statusCode, 200)
    const response = await read(depot, { ...heartbeats.headers, 'X-NOT-USER-INPUT': 'checkSession' })
    t.equal(response.statusCode, round === 0 ? 200 : 401)
  }
  time += SESSION_TIMEOUT_MS
  equalError(t, await read(depot, used.headers), ENDED)
  t.same((await depot.call('/sessions')).json().response, [])
})

t.test('GET /aicc identifies the server with a login, and redirects to the documentation without one', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const { headers } = await logIn(depot)
  for (const response of [await depot.call('/aicc'), await depot.app.inject({ url: '/aicc', headers })]) {
    t.equal(response.statusCode, 200)
    t.match(response.json(), {
      appliance: {
        name: 'fixdepot',
        version: '0.0.0-test',
        runlevel: 3,
        status: 'Normal',
        uuid: /^[0-9a-f-]{36}$/,
        date: /^\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d$/
      },
      services: []
    })
  }
  const probe = await depot.app.inject('/aicc')
  t.match([probe.statusCode, probe.headers.location], [302, '/docs'])
  t.equal((await depot.call('/aicc', { headers: { authorization: 'Basic eDp5' } })).statusCode, 401)
})
