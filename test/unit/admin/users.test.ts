import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { administerUsers, type UserAdmin } from '../../../src/admin/users.ts'
import { createPasswordHasher } from '../../../src/core/accounts/password-hasher.ts'
import { createAuditReader } from '../../../src/store/accounts/audit-store.ts'
import { addUser, CHEAP, makeLogins } from '../../support/api/logins.ts'
import { makeDepot } from '../../support/depot.ts'

const hasher = createPasswordHasher(CHEAP)
const PASSWORD = 'correct horse battery'

async function make(t: Test) {
  const { databaseFile, db } = await makeDepot(t)
  const access = await makeLogins(db)
  await addUser(access, 'root', 'admin', PASSWORD)
  return {
    ...access,
    db,
    administer: <T>(run: (admin: UserAdmin) => Promise<T>) => administerUsers({ databaseFile }, run, hasher)
  }
}

t.test('users are added, changed, listed and removed', async (t) => {
  const { administer, users } = await make(t)
  t.match(await administer((admin) => admin.addUser('ann', 'viewer', PASSWORD)), { name: 'ann', role: 'viewer' })
  t.match(await administer((admin) => admin.setRole('ann', 'operator')), { role: 'operator' })
  await administer((admin) => admin.setPassword('ann', 'another password'))
  const kept = await users.findUser('ann')
  t.match(await hasher.verify('another password', kept?.passwordHash), { isRight: true })
  t.match(await administer((admin) => admin.listUsers()), [{ name: 'ann' }, { name: 'root' }])
  await administer((admin) => admin.removeUser('ann'))
  t.match(await administer((admin) => admin.listUsers()), [{ name: 'root' }])
})

t.test('the audit trail records a change with the account of the operating system', async (t) => {
  const { administer, db } = await make(t)
  await administer((admin) => admin.addUser('ann', 'viewer', PASSWORD))
  await administer((admin) => admin.removeUser('ann'))
  const account = `account:${os.userInfo().username}`
  t.match(await createAuditReader(db).auditPage({}, 100, 10), [
    { action: 'removeUser', targets: ['user:ann', account], address: 'command line', user: '', credential: 'none' },
    { action: 'addUser', targets: ['user:ann', 'role:viewer', account], status: 200 }
  ])
})

t.test('a token is shown once, works, and is revoked by its id or by the token', async (t) => {
  const { administer, logins } = await make(t)
  const request = { userName: 'root', name: 'mirror', role: 'exporter', expiresIn: '90d' }
  const token = await administer((admin) => admin.addToken(request))
  t.equal((token.expiresAt?.getTime() ?? 0) - token.createdAt.getTime(), 90 * 86_400_000)
  t.match(await logins.withToken(token.text), { name: 'root', role: 'exporter' })
  const listed = await administer((admin) => admin.listTokens('root'))
  t.match(listed, [{ id: token.id, name: 'mirror' }])
  t.notMatch(JSON.stringify(listed), token.text)
  await administer((admin) => admin.revokeToken(token.text))
  t.same(await administer((admin) => admin.listTokens(undefined)), [])
  const other = await administer((admin) => admin.addToken({ ...request, expiresIn: undefined }))
  await administer((admin) => admin.revokeToken(other.id))
  t.equal(await logins.withToken(other.text), undefined)
})

t.test('an impossible change is refused with a sentence, and changes nothing', async (t) => {
  const { administer } = await make(t)
  const token = { userName: 'root', name: 'mirror', role: 'viewer', expiresIn: undefined }
  const cases: [run: (admin: UserAdmin) => Promise<unknown>, sentence: RegExp][] = [
    [(admin) => admin.addUser('root', 'viewer', PASSWORD), /^The user root already exists\.$/],
    [(admin) => admin.addUser('ann', 'boss', PASSWORD), /^There is no role boss; the roles are viewer, exporter,/],
    [(admin) => admin.addUser('a:b', 'viewer', PASSWORD), /^The name of a user must have/],
    [(admin) => admin.addUser('ann', 'viewer', 'short'), /^A password must have 8 to 1024 characters/],
    [(admin) => admin.setPassword('root', 'short'), /^A password must have 8 to 1024 characters/],
    [(admin) => admin.setPassword('ann', PASSWORD), /^There is no user ann\.$/],
    [(admin) => admin.setRole('root', 'viewer'), /^The user root is the only administrator\.$/],
    [(admin) => admin.setRole('ann', 'viewer'), /^There is no user ann\.$/],
    [(admin) => admin.removeUser('root'), /^The user root is the only administrator\.$/],
    [(admin) => admin.listTokens('ann'), /^There is no user ann\.$/],
    [(admin) => admin.addToken({ ...token, userName: 'ann' }), /^There is no user ann\.$/],
    [(admin) => admin.addToken({ ...token, expiresIn: 'soon' }), /^soon is not a duration such as 12h/],
    [(admin) => admin.addToken({ ...token, name: '' }), /^The name of a token must have/],
    [(admin) => admin.revokeToken('fxd'), /^There is no token fxd\.$/]
  ]
  for (const [run, message] of cases) {
    await t.rejects(administer(run), { name: 'Refusal', message }, String(message))
  }
  t.match(await administer((admin) => admin.listUsers()), [{ name: 'root', role: 'admin' }])
})

t.test('a token cannot have more rights than its owner', async (t) => {
  const { administer } = await make(t)
  await administer((admin) => admin.addUser('ann', 'viewer', PASSWORD))
  const request = { userName: 'ann', name: 'mirror', role: 'exporter', expiresIn: undefined }
  const message = 'A token of ann cannot have the role exporter: its owner is viewer.'
  await t.rejects(
    administer((admin) => admin.addToken(request)),
    { name: 'Refusal', message }
  )
})

t.test('a missing database is not created', async (t) => {
  const file = path.join(t.testdir({}), 'fixdepot.db')
  await t.rejects(
    administerUsers({ databaseFile: file }, (admin) => admin.listUsers(), hasher),
    { name: 'Refusal', message: /^There is no database at / }
  )
  t.notOk(fs.existsSync(file))
})

t.test('a database with an older schema is refused', async (t) => {
  const { databaseFile, db } = await makeDepot(t)
  await db.deleteFrom('kysely_migration' as never).execute()
  await t.rejects(
    administerUsers({ databaseFile }, (admin) => admin.listUsers(), hasher),
    { name: 'Refusal', message: /^The database has an older schema/ }
  )
})
