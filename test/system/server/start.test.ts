import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import { administerUsers } from '../../../src/admin/users.ts'
import { basic } from '../../support/api/app.ts'
import { packageFiles } from '../../support/packages.ts'
import { makeDirectories, type ServerOptions, spawnServer, startServer, until } from '../../support/servers/server.ts'

const PASSWORD_LINE = /^ *password (\S+)$/m
const SOME_FILE = import.meta.filename
const LIST = '/updateRepositories/firmware?key=importDir'

function optionsWithPackage(
  t: Test,
  settings: ServerOptions['settings'] = {}
): ServerOptions & Required<Pick<ServerOptions, 'settings'>> {
  return { ...makeDirectories(t, packageFiles({ fixid: 'a', payload: 'x' })), settings }
}

t.test('the first start creates a password and shows it once, and it is valid after the second start', async (t) => {
  const options = optionsWithPackage(t, { FIXDEPOT_ADMIN_PASSWORD: undefined })
  const first = spawnServer(t, options)
  const firstUrl = await first.listening
  const password = PASSWORD_LINE.exec(first.stderr())?.[1] ?? ''
  t.match(password, /^[\w-]{24,}$/)
  t.match(first.stderr(), /user +admin\n/)
  t.notMatch(first.stdout(), password, 'the log does not contain the password')
  const login = async (url: string, secret: string) =>
    (await fetch(url + LIST, { headers: { authorization: basic('admin', secret) } })).status
  t.equal(await login(firstUrl, password), 200)
  t.equal(await login(firstUrl, `${password}x`), 401)
  first.child.kill('SIGTERM')
  t.same(await first.ended, { code: 0, signal: null })

  const second = spawnServer(t, options)
  const secondUrl = await second.listening
  t.notMatch(second.stderr(), /password/i)
  t.equal(await login(secondUrl, password), 200)
  const kept = fs.readdirSync(options.dataDirectory).map((name) => path.join(options.dataDirectory, name))
  const files = kept.filter((file) => fs.statSync(file).isFile())
  t.ok(files.length > 0)
  t.notOk(
    files.some((file) => fs.readFileSync(file).includes(password)),
    'the password is in no file'
  )
})

t.test('a password in the settings is valid', async (t) => {
  const settings = { FIXDEPOT_ADMIN_PASSWORD: 'chosen by the operator' }
  const server = await startServer(t, optionsWithPackage(t, settings))
  t.equal((await server.call(LIST)).status, 200)
  t.equal((await fetch(server.url + LIST, { headers: { authorization: basic('admin', 'another one') } })).status, 401)
  t.equal(server.stderr(), '', 'no password was created')
  t.notMatch(server.stdout(), /chosen by/)
})

t.test('a running server applies changes of users by the command line within seconds', async (t) => {
  const options = optionsWithPackage(t)
  const server = await startServer(t, options)
  const payload = { name: 'ann', password: 'a password for ann', role: 'operator' }
  const headers = { 'content-type': 'application/json' }
  const init = { method: 'POST', headers, body: JSON.stringify(payload) }
  t.equal((await server.call('/api/v1/users', init)).status, 201)
  const ann = { headers: { authorization: basic(payload.name, payload.password) } }
  const me = async () => (await fetch(`${server.url}/api/v1/me`, ann)).json() as Promise<{ role?: string }>
  t.match(await me(), { role: 'operator', kind: 'password' })
  const databaseFile = path.join(options.dataDirectory, 'fixdepot.db')
  await administerUsers({ databaseFile }, (admin) => admin.setRole('ann', 'viewer'))
  await until('the role has changed', async () => (await me()).role === 'viewer')
  await administerUsers({ databaseFile }, (admin) => admin.removeUser('ann'))
  await until('the user is gone', async () => (await me()).role === undefined)
})

t.test('an invalid setting is refused with a sentence that names it', async (t) => {
  const options = optionsWithPackage(t)
  const { dataDirectory, repositoryDirectory } = options
  const missing = path.join(dataDirectory, 'not-there')
  const cases: [Record<string, string>, RegExp][] = [
    [
      { FIXDEPOT_ADMIN_PASSWORD: 'short' },
      /^The setting FIXDEPOT_ADMIN_PASSWORD must be 8 to 1024 characters long\.\n$/
    ],
    [{ FIXDEPOT_PASWORD: 'misspelt secret' }, /^Unknown settings, misspelt or removed: FIXDEPOT_PASWORD\.\n$/],
    [{ FIXDEPOT_DATA_DIR: path.join(repositoryDirectory, 'a.xml', 'data') }, /^.*FIXDEPOT_DATA_DIR .*\n$/],
    [
      { FIXDEPOT_REPOSITORY_DIR: missing },
      /^The repository directory cannot be read: .*not-there.*FIXDEPOT_REPOSITORY_DIR.*\n$/
    ],
    [{ FIXDEPOT_REPOSITORY_DIR: SOME_FILE }, /^The repository directory cannot be read: .*\n$/]
  ]
  await Promise.all(
    cases.map(async ([settings, sentence]) => {
      const server = spawnServer(t, { ...options, settings })
      const name = JSON.stringify(settings)
      t.same(await server.ended, { code: 1, signal: null }, name)
      t.match(server.stderr(), sentence, name)
      t.notMatch(server.stderr(), /\n +at |short/, name)
      t.equal(server.stdout(), '', name)
    })
  )
})

t.test('a port in use ends the start with an error that names it', async (t) => {
  const other = net.createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as net.AddressInfo
  const server = spawnServer(t, optionsWithPackage(t, { FIXDEPOT_PORT: String(port) }))
  t.same(await server.ended, { code: 1, signal: null })
  t.equal(server.stderr(), `Cannot listen on 127.0.0.1, port ${port}: EADDRINUSE.\n`)
})
