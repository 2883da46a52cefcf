import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { type ConnectionOptions, type Environment, resolveConnection } from '../../../../src/cli/client/connection.ts'

const DEPOT = 'https://depot.example:8443'

const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

/** @param profile written to the default path */
function resolve(t: Test, options: ConnectionOptions, environment: Environment = {}, profile?: object, mode = 0o600) {
  const home = t.testdir({})
  const file = path.join(home, 'fixdepot', 'profile.json')
  fs.mkdirSync(path.dirname(file))
  if (profile !== undefined) fs.writeFileSync(file, JSON.stringify(profile))
  if (profile !== undefined) fs.chmodSync(file, mode)
  return resolveConnection(options, { XDG_CONFIG_HOME: home, ...environment })
}

t.test('the command line takes precedence over the environment, and that over the profile', async (t) => {
  const profile = { url: DEPOT, user: 'c', password: 'of profile' }
  t.match(await resolve(t, {}, {}, profile), { url: { href: `${DEPOT}/` }, authorization: basic('c', 'of profile') })
  const environment = { FIXDEPOT_URL: `${DEPOT}/prefix/`, FIXDEPOT_USER: 'b', FIXDEPOT_PASSWORD: 'of environment' }
  const second = await resolve(t, {}, environment, profile)
  t.match(second, { url: { href: `${DEPOT}/prefix` }, authorization: basic('b', 'of environment') })
  const options = { url: 'https://other.example', user: 'a' }
  const first = await resolve(t, options, environment, profile)
  t.match(first, { url: { href: 'https://other.example/' }, authorization: basic('a', 'of environment') })
})

t.test(
  'a token takes precedence over a user of the same source, and a user over a token of a later source',
  async (t) => {
    const both = { FIXDEPOT_URL: DEPOT, FIXDEPOT_USER: 'b', FIXDEPOT_PASSWORD: 'p', FIXDEPOT_TOKEN: 'of-environment' }
    t.match(await resolve(t, {}, both), { authorization: 'Bearer of-environment' })
    t.match(await resolve(t, { token: 'given' }, both), { authorization: 'Bearer given' })
    t.match(await resolve(t, { user: 'a' }, both), { authorization: basic('a', 'p') })
    const { FIXDEPOT_TOKEN: _, ...user } = both
    t.match(await resolve(t, {}, user, { token: 'of-profile' }), { authorization: basic('b', 'p') })
    t.match(await resolve(t, { url: DEPOT }, {}, { token: 'of-profile' }), { authorization: 'Bearer of-profile' })
  }
)

t.test('the secrets of a profile are sent to its own server only', async (t) => {
  const profile = { url: DEPOT, token: 'secret', insecure: true }
  t.match(await resolve(t, { url: `${DEPOT}/prefix` }, {}, profile), { authorization: 'Bearer secret', insecure: true })
  const other = await resolve(t, { url: 'https://other.example' }, {}, profile)
  t.match(other, { authorization: undefined, insecure: false })
  const port = await resolve(t, { url: 'https://depot.example' }, {}, profile)
  t.equal(port.authorization, undefined)
})

t.test('the password of a profile is used for its own user only', async (t) => {
  const profile = { url: DEPOT, user: 'a', password: 'p' }
  await t.rejects(resolve(t, { user: 'b' }, {}, profile), { exitCode: 3, code: 'PASSWORD_MISSING' })
  t.match(await resolve(t, { user: 'a' }, {}, profile), { authorization: basic('a', 'p') })
})

t.test('a profile that others can read, and an invalid one, are refused', async (t) => {
  const secret = { url: DEPOT, token: 'secret' }
  await t.rejects(resolve(t, {}, {}, secret, 0o640), { exitCode: 2, message: /others may read .*chmod 600/ })
  await t.rejects(resolve(t, {}, {}, secret, 0o604), { exitCode: 2, message: /others may read/ })
  t.match(await resolve(t, {}, {}, { url: DEPOT }, 0o644), { authorization: undefined }, 'without a secret')
  await t.rejects(resolve(t, {}, {}, []), { exitCode: 2, message: /not a JSON object/ })
  await t.rejects(resolve(t, {}, {}, { pasword: 'x' }), { exitCode: 2, message: /unknown member "pasword"/ })
  await t.rejects(resolve(t, {}, {}, { insecure: 'yes' }), { exitCode: 2, message: /insecure must be a boolean/ })
  await t.rejects(resolve(t, { profile: '/nowhere/p.json' }), { exitCode: 2, message: /cannot be read: ENOENT/ })
  await t.rejects(resolve(t, {}, { FIXDEPOT_PROFILE: '/nowhere/p.json' }), { exitCode: 2, message: /\.$/ })
})

t.test('secrets are refused in the URL, and over plain HTTP to another machine', async (t) => {
  await t.rejects(resolve(t, { url: 'https://a:b@depot.example' }), {
    exitCode: 2,
    message: /URL must not contain/
  })
  const plain = { url: 'http://depot.example', token: 'secret' }
  await t.rejects(resolve(t, plain), { exitCode: 2, message: /plain HTTP/ })
  t.match(await resolve(t, { ...plain, insecure: true }), { authorization: 'Bearer secret' })
  for (const url of ['http://localhost:1', 'http://127.0.0.1', 'http://[::1]:80']) {
    t.match(await resolve(t, { ...plain, url }), { authorization: 'Bearer secret' }, url)
  }
  t.match(await resolve(t, { url: 'http://depot.example' }), { authorization: undefined }, 'there is no secret')
})

t.test('an invalid URL, user, token or certificate file is refused', async (t) => {
  for (const url of ['depot', 'ftp://depot', 'https://'])
    await t.rejects(resolve(t, { url }), { exitCode: 2, message: /\.$/ }, url)
  await t.rejects(resolve(t, { url: DEPOT, user: 'a:b' }), { exitCode: 2, message: /\.$/ })
  await t.rejects(resolve(t, { url: DEPOT, token: 'a b' }), { exitCode: 2, message: /\.$/ })
  await t.rejects(resolve(t, { url: DEPOT, caFile: '/nowhere/ca.pem' }), { exitCode: 2, message: /ENOENT/ })
  const root = t.testdir({ 'ca.pem': 'PEM' })
  const caFile = path.join(root, 'ca.pem')
  const { ca } = await resolveConnection({ url: DEPOT, caFile }, { HOME: root })
  t.equal(ca, 'PEM')
})
