/** Every route, with every role and every way to log in: what is declared is what is answered. */
import Fastify, { type InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import { covers, ROLES, type Role } from '../../../src/core/accounts/access.ts'
import { makeToken } from '../../../src/core/accounts/api-token.ts'
import { createSessions, type Sessions } from '../../../src/core/accounts/session.ts'
import type { App } from '../../../src/http/app.ts'
import { registerAuth } from '../../../src/http/plugins/auth.ts'
import { createSessionCommands, createSessionReader } from '../../../src/store/accounts/session-store.ts'
import { basic, buildTestApp, openTestDepot, SESSION_TIMEOUT_MS } from '../../support/api/app.ts'
import { equalError, equalProblem, equalStatusError } from '../../support/api/error-body.ts'
import { addUser, loginsOf, makeLogins } from '../../support/api/logins.ts'
import { makeDepot } from '../../support/depot.ts'
import { smallRepository } from '../../support/packages.ts'

interface Operation {
  readonly security?: readonly Record<string, unknown>[]
  readonly responses: Readonly<Record<string, unknown>>
  readonly description?: string
  readonly 'x-required-role'?: Role | 'public'
  readonly 'x-required-role-by-query'?: {
    readonly otherwise: Role
    readonly byQuery: Readonly<Record<string, Readonly<Record<string, Role>>>>
  }
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly security: readonly Record<string, unknown>[]
}

const passwordOf = (role: Role) => `a password for ${role}`

/** An app behind whose login nothing works, so that whatever is let in is answered with an error of its own. */
async function build(t: Test) {
  const { db } = await makeDepot(t)
  const access = await makeLogins(db)
  const now = () => new Date()
  const [reader, commands] = [createSessionReader(db), createSessionCommands(db)]
  const sessions = createSessions({ reader, commands, timeoutMs: SESSION_TIMEOUT_MS, now })
  const { app } = await buildTestApp(t, { logins: access.logins, sessions: { ...sessions, end: async () => true } })
  const credentials = new Map<string, Record<string, string>>()
  for (const role of ROLES) await addUser(access, role, role, passwordOf(role))
  for (const role of ROLES) {
    credentials.set(`basic ${role}`, { authorization: basic(role, passwordOf(role)) })
    const identity = await access.logins.withPassword(role, passwordOf(role), '127.0.0.1')
    if (identity === undefined) throw new Error(`The user ${role} cannot log in`)
    const { token, csrf } = await sessions.open(identity, '127.0.0.1')
    credentials.set(`session ${role}`, { cookie: `JSESSIONID=${token}`, 'x-csrf-token': csrf })
    const { id, text, secretHash } = makeToken()
    // Its owner may do more: it is the token that counts.
    const kept = { id, userName: 'admin', name: role, role, createdAt: now(), expiresAt: null, lastUsedAt: null }
    await access.userCommands.addToken({ token: kept, secretHash })
    credentials.set(`token ${role}`, { authorization: `Bearer ${text}` })
  }
  return { app, credentials }
}

const { app, credentials } = await build(t)
const description: Description = (await app.inject('/openapi.json')).json()
const METHODS = ['get', 'put', 'post', 'patch', 'delete'] as const

/** Each operation, and for each value in a query on which it depends one more, with the role that it needs then. */
const calls = Object.entries(description.paths).flatMap(([path, operations]) =>
  Object.entries(operations).flatMap(([method, operation]) => {
    const needed = operation['x-required-role']
    const byQuery = operation['x-required-role-by-query']
    const base = { method: method.toUpperCase(), url: path.replace(/\{[^}]+\}/g, '1'), operation }
    const plain = [{ ...base, needed: byQuery?.otherwise ?? needed }]
    const special = Object.entries(byQuery?.byQuery ?? {}).flatMap(([name, values]) =>
      Object.entries(values).map(([value, role]) => ({ ...base, url: `${base.url}?${name}=${value}`, needed: role }))
    )
    const all = [...plain, ...special]
    return method === 'get' && !path.endsWith('/events')
      ? [...all, ...all.map((call) => ({ ...call, method: 'HEAD' }))]
      : all
  })
)

let addresses = 0

async function statusOf(app: App, method: string, url: string, headers: Record<string, string>): Promise<number> {
  // Lists without a catalog are cut: a request that gets this far was allowed.
  const cut = { statusCode: 500 }
  // Each comes from elsewhere: wrong passwords from one address would have to wait.
  addresses += 1
  const remoteAddress = `10.0.${addresses >> 8}.${addresses & 255}`
  return (await app.inject({ method: method as 'GET', url, headers, remoteAddress }).catch(() => cut)).statusCode
}

t.test('every operation declares a role, and its description names it', async (t) => {
  for (const { method, url, operation } of calls) {
    const name = `${method} ${url}`
    const { 'x-required-role': role, description: text = '' } = operation
    t.ok(role === 'public' || ROLES.some((known) => known === role), name)
    if (role === 'public') continue
    t.match(text, /Needs the role/, name)
    t.ok('403' in operation.responses && '401' in operation.responses && '429' in operation.responses, name)
  }
  const methods = new Set(Object.values(description.paths).flatMap((operations) => Object.keys(operations)))
  t.same([...methods].sort(), [...METHODS].sort())
  t.ok(calls.length > 60)
})

t.test('without a login, and with a wrong one, only public routes answer', async (t) => {
  const wrong = { id: '0'.repeat(16), secret: 'x'.repeat(43) }
  for (const { method, url, needed } of calls) {
    const isRedirected = url === '/aicc'
    const none = await statusOf(app, method, url, {})
    if (needed === 'public') t.not(none, 401, `${method} ${url}`)
    else t.equal(none, isRedirected ? 302 : 401, `${method} ${url}`)
    for (const headers of [
      { authorization: `Bearer fxd_${wrong.id}_${wrong.secret}` },
      { authorization: 'Bearer x' },
      { authorization: 'Basic x' },
      { authorization: basic('admin', passwordOf('viewer')) },
      { authorization: basic('nobody', passwordOf('admin')) },
      { cookie: `JSESSIONID=${wrong.id}.${wrong.secret}` }
    ]) {
      const status = await statusOf(app, method, url, headers)
      t.equal(status === 401, needed !== 'public', `${method} ${url} with ${Object.values(headers)} is ${status}`)
    }
  }
})

for (const [name, headers] of credentials) {
  t.test(`with ${name} each route answers as it declares`, async (t) => {
    const [kind = '', role] = name.split(' ') as [string, Role]
    for (const { method, url, needed, operation } of calls) {
      const schemes = (operation.security ?? description.security).flatMap(Object.keys)
      const isAllowed = needed === 'public' || (needed !== undefined && covers(role, needed) && schemes.includes(kind))
      const status = await statusOf(app, method, url, headers)
      t.equal(status !== 403, isAllowed, `${method} ${url} needs ${needed}, and is ${status}`)
      t.not(status, 401)
    }
  })
}

t.test('the refusal names the role, in the form of each API', async (t) => {
  const headers = credentials.get('basic viewer') ?? {}
  const expected = {
    status: 403,
    id: 'FQXHMSE9005L',
    text: /^This request needs the role exporter; viewer has the role viewer\.$/
  }
  const put = { method: 'PUT', url: '/updateRepositories/firmware?ACTION=Export', headers } satisfies InjectOptions
  // Behind it the action may need more.
  equalError(t, await app.inject(put), {
    ...expected,
    text: /^This request needs at least the role exporter; viewer has the role viewer\.$/
  })
  equalProblem(t, await app.inject({ method: 'POST', url: '/api/v1/exports', headers }), expected)
  const token = credentials.get('token exporter') ?? {}
  equalProblem(t, await app.inject({ url: '/api/v1/users', headers: token }), {
    ...expected,
    text: /^This request needs the role admin; the token of admin has the role exporter\.$/
  })
})

t.test("a spelling of the appliance's clients needs the same role", async (t) => {
  const headers = credentials.get('basic viewer') ?? {}
  for (const url of ['?KEY=EXPORT&x=1', '?Action=export', '?key=updates&action=Export', '?key=%20export']) {
    t.equal(await statusOf(app, 'GET', `/updateRepositories/firmware${url}`, headers), 403, url)
    t.equal(await statusOf(app, 'HEAD', `/updateRepositories/firmware/uxsp${url}`, headers), 403, url)
  }
  const exporter = credentials.get('basic exporter') ?? {}
  for (const action of ['DELETE', 'CleanUp', 'read', 'refreshthenacquire']) {
    t.equal(await statusOf(app, 'PUT', `/updateRepositories/firmware/uxsp?action=${action}`, exporter), 403, action)
  }
})

t.test('a route without a declaration prevents the start of the app', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const { logins, sessions } = { logins: loginsOf('ann', 'secret'), sessions: {} as Sessions }
  await registerAuth(app, { logins, sessions })
  t.throws(() => app.get('/forgotten', async () => ''), {
    message: 'The route GET /forgotten does not declare which role it needs.'
  })
})

t.test('an exporter can cancel their own tasks; only an operator can cancel those of others', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  for (const role of ['exporter', 'operator'] as const) await addUser(depot.access, role, role, passwordOf(role))
  const as = (role: Role) => ({ headers: { authorization: basic(role, passwordOf(role)) } })
  const start = async (role: Role) =>
    (await depot.call('/api/v1/exports', { method: 'POST', payload: { all: true }, ...as(role) })).json().id
  const [own, others] = [await start('exporter'), await start('operator')]
  const refused = {
    status: 403,
    id: 'FQXHMSE9005L',
    text: /^The task \d+ belongs to operator: to cancel it, you need the role operator/
  }
  const ways: [url: string, method: 'DELETE' | 'PUT', payload?: object][] = [
    [`/tasks/${own},${others}`, 'DELETE'],
    [`/jobs/${others}`, 'DELETE'],
    ['/tasks', 'PUT', { action: 'cancel', list: [own, others] }],
    [`/jobs/${others}`, 'PUT', { cancelRequest: true }]
  ]
  for (const [url, method, payload] of ways) {
    const options = { method, ...(payload === undefined ? {} : { payload }), ...as('exporter') }
    equalError(t, await depot.call(url, options), refused, `${method} ${url}`)
  }
  equalProblem(t, await depot.call(`/api/v1/exports/${others}`, { method: 'DELETE', ...as('exporter') }), refused)
  t.equal((await depot.tasks.liveTotals(undefined)).count, 2, 'nothing was canceled')
  t.equal((await depot.call(`/tasks/${own}`, { method: 'DELETE', ...as('exporter') })).statusCode, 200)
  t.equal((await depot.call(`/api/v1/exports/${others}`, { method: 'DELETE', ...as('operator') })).statusCode, 204)
})

t.test('guessing is slowed down at both APIs and at the login, and does not affect logged-in clients', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  t.equal((await depot.call('/tasks')).statusCode, 200)
  const guess = (url: string, password: string) =>
    depot.app.inject({ url, headers: { authorization: basic('admin', password) } })
  for (let count = 0; count < 5; count += 1) t.equal((await guess('/tasks', `guess ${count}`)).statusCode, 401)
  const refused = { status: 429, id: 'FQXHMSE9006L', text: /^Wait 1 second before the next login\.$/ }
  const responses = {
    lxca: await guess('/tasks', 'one more'),
    status: await guess('/updateRepositories/firmware/status', 'one more'),
    api: await guess('/api/v1/packages', 'one more'),
    login: await depot.app.inject({
      method: 'POST',
      url: '/sessions',
      payload: { UserId: 'admin', password: 'one more' }
    })
  }
  equalError(t, responses.lxca, refused)
  equalStatusError(t, responses.status, refused)
  equalProblem(t, responses.api, refused)
  equalError(t, responses.login, refused)
  for (const [name, { headers }] of Object.entries(responses)) {
    t.equal(headers['retry-after'], '1', name)
    t.notOk('www-authenticate' in headers, `${name}: a browser is not to ask for another password`)
  }
  t.equal((await depot.call('/tasks')).statusCode, 200)
})
