import t, { type Test } from 'tap'
import { basic, openTestDepot, PASSWORD } from '../../../support/api/app.ts'
import { equalProblem } from '../../../support/api/error-body.ts'
import { addUser } from '../../../support/api/logins.ts'

const USERS = '/api/v1/users'
const TOKENS = '/api/v1/tokens'
const ANN = { name: 'ann', password: 'a password for ann', role: 'exporter' }

async function open(t: Test) {
  const depot = await openTestDepot(t, {})
  return {
    ...depot,
    as: (name: string, password: string) => ({ headers: { authorization: basic(name, password) } }),
    bearer: (token: string) => ({ headers: { authorization: `Bearer ${token}` } }),
    add: (payload: object = ANN) => depot.call(USERS, { method: 'POST', payload })
  }
}

t.test('a user is added, logs in, is listed, changed and removed', async (t) => {
  const { call, add, as } = await open(t)
  const added = await add()
  t.match([added.statusCode, added.headers.location], [201, '/api/v1/users/ann'])
  t.match(added.json(), { name: 'ann', role: 'exporter', createdAt: /Z$/, passwordChangedAt: added.json().createdAt })
  t.notMatch(added.body, ANN.password)
  const me = () => call('/api/v1/me', as('ann', ANN.password))
  t.same((await me()).json(), { name: 'ann', role: 'exporter', kind: 'password' })
  t.match((await call(USERS)).json(), { users: [{ name: 'admin', role: 'admin' }, added.json()] })
  t.same((await call(`${USERS}/ann`)).json(), added.json())

  const changed = await call(`${USERS}/ann`, { method: 'PATCH', payload: { role: 'operator' } })
  t.match([changed.statusCode, changed.json().role], [200, 'operator'])
  t.match((await me()).json(), { role: 'operator' }, 'at once')
  await call(`${USERS}/ann`, { method: 'PATCH', payload: { password: 'another password' } })
  t.equal((await me()).statusCode, 401)
  t.equal((await call('/api/v1/me', as('ann', 'another password'))).statusCode, 200)

  const removed = await call(`${USERS}/ann`, { method: 'DELETE' })
  t.match([removed.statusCode, removed.body], [204, ''])
  t.equal((await call('/api/v1/me', as('ann', 'another password'))).statusCode, 401)
  equalProblem(t, await call(`${USERS}/ann`), { status: 404, id: 'FQXHMSE9008L', text: /^There is no user "ann"\.$/ })
})

t.test('names are normalised, also in paths', async (t) => {
  const { add, call, as } = await open(t)
  const { headers } = await add({ ...ANN, name: 'Ju\u0308rgen/字' })
  t.match((await call(String(headers.location))).json(), { name: 'J\u00fcrgen/字' })
  t.equal((await call('/api/v1/me', as('J\u00fcrgen/字', ANN.password))).statusCode, 200)
})

t.test('an invalid new user is refused with the attribute, and no password is quoted', async (t) => {
  const { add } = await open(t)
  const invalid = { status: 400, id: 'FQXHMUP9002L' }
  const cases: [changes: object, text: RegExp][] = [
    [{ name: 'a:b' }, /^The name of a user must have 1 to 64 characters/],
    [{ name: '' }, /^The name of a user must have/],
    [{ name: 'x'.repeat(65) }, /^The name of a user must have/],
    [{ name: 'a\u200bb' }, /^The name of a user must have/],
    [{ password: 'canary7' }, /^A password must have 8 to 1024 characters, and this one has 7\.$/],
    [{ password: 47114711 }, /^The attribute password must be a string\.$/],
    [{ password: 'canary'.repeat(300) }, /^A password must have/],
    [{ role: 'root' }, /^The attribute role has the value "root"; accepted are viewer/],
    [{ isAdmin: true }, /^The attribute isAdmin is unknown\.$/]
  ]
  for (const [changes, text] of cases) {
    const response = await add({ ...ANN, ...changes })
    equalProblem(t, response, { ...invalid, text }, String(text))
    t.notMatch(response.body, /canary|4711/)
  }
  equalProblem(t, await add({ ...ANN, name: 'admin' }), {
    status: 409,
    id: 'FQXHMSE9009L',
    text: /^The user admin exists already/
  })
})

t.test('the last administrator cannot be removed', async (t) => {
  const { call, add } = await open(t)
  const refused = { status: 409, id: 'FQXHMSE9010L', text: /^The user admin is the only administrator\.$/ }
  equalProblem(t, await call(`${USERS}/admin`, { method: 'DELETE' }), refused)
  equalProblem(t, await call(`${USERS}/admin`, { method: 'PATCH', payload: { role: 'operator' } }), refused)
  await add({ ...ANN, role: 'admin' })
  t.equal((await call(`${USERS}/admin`, { method: 'PATCH', payload: { role: 'viewer' } })).statusCode, 200)
})

t.test('users change their own password with the current one, which ends their sessions', async (t) => {
  const { app, call, add, as } = await open(t)
  await add({ ...ANN, role: 'viewer' })
  const login = async (password: string) =>
    app.inject({ method: 'POST', url: '/sessions', payload: { UserId: 'ann', password } })
  const { csrf, id } = (await login(ANN.password)).json().response.session
  const headers = { cookie: `JSESSIONID=${id}`, 'x-csrf-token': csrf }
  const change = (currentPassword: string, password = 'a better password') =>
    app.inject({ method: 'PATCH', url: '/api/v1/me', headers, payload: { currentPassword, password } })
  equalProblem(t, await change('not that one'), {
    status: 403,
    id: 'FQXHMSE9004L',
    text: /^The current password is wrong\.$/
  })
  t.equal((await change(ANN.password, 'short')).statusCode, 400)
  t.equal((await change(ANN.password)).statusCode, 204)
  t.equal((await app.inject({ url: '/api/v1/me', headers })).statusCode, 401)
  t.same((await call('/sessions')).json().response, [], 'no dead session is listed')
  t.equal((await login(ANN.password)).statusCode, 403)
  t.equal((await call('/api/v1/me', as('ann', 'a better password'))).statusCode, 200)
})

t.test('only administrators see the sessions of others', async (t) => {
  const { app, call, add, as } = await open(t)
  await add()
  const open_ = async (UserId: string, password: string) => {
    const response = await app.inject({ method: 'POST', url: '/sessions', payload: { UserId, password } })
    return String(response.json().response.session.id).split('.')[0] ?? ''
  }
  const [own, other] = [await open_('ann', ANN.password), await open_('admin', PASSWORD)]
  const listed = async (options = {}) =>
    (await call('/sessions', options))
      .json()
      .response.map(({ id }: { id: string }) => id)
      .sort()
  const ann = as('ann', ANN.password)
  t.same(await listed(ann), [own])
  t.same(await listed(), [own, other].sort())
  t.equal((await call(`/sessions/${other}`, { method: 'DELETE', ...ann })).statusCode, 404)
  t.equal((await call(`/sessions/${own}`, { method: 'DELETE', ...ann })).statusCode, 200)
  t.same(await listed(), [other])
})

t.test('a token is shown once, listed without its secret, and removed', async (t) => {
  const { call, add, as, bearer } = await open(t)
  await add()
  const ann = as('ann', ANN.password)
  const payload = { name: 'mirror', role: 'exporter', expiresIn: '90d' }
  const made = await call(TOKENS, { method: 'POST', payload, ...ann })
  t.equal(made.statusCode, 201)
  const { token, ...view } = made.json()
  t.match(view, { user: 'ann', name: 'mirror', role: 'exporter', lastUsedAt: null })
  t.equal(Date.parse(view.expiresAt) - Date.parse(view.createdAt), 90 * 86_400_000)
  t.same((await call('/api/v1/me', bearer(token))).json(), { name: 'ann', role: 'exporter', kind: 'token' })
  const lists = [await call(TOKENS, ann), await call(TOKENS)]
  for (const list of lists) {
    t.match(list.json().tokens, [{ id: view.id, user: 'ann', lastUsedAt: /Z$/ }])
    t.notMatch(list.body, token)
  }
  await call(TOKENS, { method: 'POST', payload: { name: 'mine', role: 'admin' } })
  t.equal((await call(TOKENS, ann)).json().tokens.length, 1)
  t.equal((await call(TOKENS)).json().tokens.length, 2)
  t.equal((await call(`${TOKENS}/${view.id}`, { method: 'DELETE', ...ann })).statusCode, 204)
  t.equal((await call('/api/v1/me', bearer(token))).statusCode, 401)
  const unknown = { status: 404, id: 'FQXHMSE9011L', text: /^There is no token/ }
  equalProblem(t, await call(`${TOKENS}/${view.id}`, { method: 'DELETE' }), unknown)
})

t.test('a token belongs to its creator, has at most their role, and cannot create tokens', async (t) => {
  const { call, add, as, access, bearer } = await open(t)
  await add()
  await addUser(access, 'bob', 'viewer', 'a password for bob')
  const make = (role: string, options: object) =>
    call(TOKENS, { method: 'POST', payload: { name: 'x', role }, ...options })
  const denied = { status: 403, id: 'FQXHMSE9005L' }
  equalProblem(t, await make('operator', as('ann', ANN.password)), {
    ...denied,
    text: /^This request needs the role operator; ann has the role exporter\.$/
  })
  const { token, id } = (await make('exporter', as('ann', ANN.password))).json()
  equalProblem(t, await make('viewer', bearer(token)), {
    ...denied,
    text: /^This request needs a login with a password/
  })
  const removal = await call(`${TOKENS}/${id}`, { method: 'DELETE', ...as('bob', 'a password for bob') })
  t.equal(removal.statusCode, 404, 'of another user')
  const invalid = await call(TOKENS, { method: 'POST', payload: { name: 'x', role: 'viewer', expiresIn: 'soon' } })
  equalProblem(t, invalid, { status: 400, id: 'FQXHMUP9002L', text: /"soon"; it must be a time such as 12h/ })
})
