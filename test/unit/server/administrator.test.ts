import t, { type Test } from 'tap'
import { createPasswordHasher } from '../../../src/core/accounts/password-hasher.ts'
import { prepareAdministrator } from '../../../src/server/administrator.ts'
import { createUserReader } from '../../../src/store/accounts/user-reader.ts'
import { createUserCommands } from '../../../src/store/accounts/user-writer.ts'
import { CHEAP } from '../../support/api/logins.ts'
import { makeDepot } from '../../support/depot.ts'

const NOW = new Date(1_000)

async function make(t: Test) {
  const { db } = await makeDepot(t)
  const hasher = createPasswordHasher(CHEAP)
  return {
    prepare: (adminPassword?: string, adminUser = 'admin') =>
      prepareAdministrator(db, { adminUser, adminPassword }, hasher, NOW),
    find: (name = 'admin') => createUserReader(db).findUser(name),
    users: createUserCommands(db),
    async isPassword(password: string, name = 'admin') {
      const user = await createUserReader(db).findUser(name)
      return (await hasher.verify(password, user?.passwordHash)).isRight
    }
  }
}

t.test('the first start makes an administrator and a password, and the next ones know them', async (t) => {
  const { prepare, isPassword, find } = await make(t)
  const password = await prepare()
  t.ok(await isPassword(password ?? ''))
  t.match(await find(), { role: 'admin', version: 1 })
  t.equal(await prepare(), undefined)
  t.equal(await prepare(undefined, 'another name'), undefined, 'there is one already')
  t.equal(await find('another name'), undefined)
})

t.test('a password in the settings counts at each start, and goes on counting without them', async (t) => {
  const { prepare, isPassword, find, users } = await make(t)
  t.equal(await prepare('the first one'), undefined)
  const before = await find()
  await prepare('the first one')
  t.same(await find(), before, 'nothing is changed where it is the same')
  await prepare('the second one')
  t.ok(await isPassword('the second one'))
  t.match(await find(), { version: 2 })
  await prepare()
  t.ok(await isPassword('the second one'))
  await users.addUser({ name: 'boss', role: 'viewer', passwordHash: 'x', createdAt: NOW })
  await prepare('another one', 'boss')
  t.match(await find('boss'), { role: 'admin' })
  t.ok(await isPassword('another one', 'boss'))
})
