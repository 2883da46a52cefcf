import t, { type Test } from 'tap'
import { makeToken } from '../../../../src/core/accounts/api-token.ts'
import { createLoginGuard } from '../../../../src/core/accounts/login-guard.ts'
import { createLogins } from '../../../../src/core/accounts/logins.ts'
import { hashPassword } from '../../../../src/core/accounts/password.ts'
import type { PasswordHasher } from '../../../../src/core/accounts/password-hasher.ts'
import { createUserReader } from '../../../../src/store/accounts/user-reader.ts'
import { createUserCommands } from '../../../../src/store/accounts/user-writer.ts'
import { addUser, makeLogins } from '../../../support/api/logins.ts'
import { makeDepot } from '../../../support/depot.ts'

const ADDRESS = '192.0.2.7'
const PASSWORD = 'correct horse battery'
const MINUTE = 60_000

/** Logins over a database with one administrator and one exporter, on a clock of their own. */
async function make(t: Test) {
  let time = Date.parse('2026-04-05T06:07:08Z')
  const now = () => new Date(time)
  const { db, connect } = await makeDepot(t)
  const access = await makeLogins(db, now)
  await addUser(access, 'root', 'admin', PASSWORD)
  await addUser(access, 'ann', 'exporter', PASSWORD)
  return {
    ...access,
    db,
    now,
    /** Changes that another process makes. */
    others: createUserCommands(connect()),
    pass(milliseconds: number) {
      time += milliseconds
    }
  }
}

async function addToken(
  { userCommands, now }: Awaited<ReturnType<typeof make>>,
  changes: { userName?: string; role?: 'exporter' | 'viewer' | 'admin'; expiresAt?: Date | null } = {}
) {
  const { id, text, secretHash } = makeToken()
  const standard = { userName: 'ann', role: 'exporter', expiresAt: null } as const
  const token = { id, name: 'for a test', createdAt: now(), lastUsedAt: null, ...standard, ...changes }
  await userCommands.addToken({ token, secretHash })
  return { id, text }
}

t.test('a right password tells who it is; what is wrong tells nothing', async (t) => {
  const { logins } = await make(t)
  t.match(await logins.withPassword('ann', PASSWORD, ADDRESS), { name: 'ann', role: 'exporter', kind: 'password' })
  for (const [name, password] of [
    ['ann', 'another password'],
    ['Ann', PASSWORD],
    ['nobody', PASSWORD],
    ['ann', `${PASSWORD}\u0000`],
    ['ann', 'x'.repeat(100_000)]
  ] as const) {
    t.equal(await logins.withPassword(name, password, ADDRESS), undefined, name)
  }
})

/** A hasher that counts, and is as slow as a test says. */
function countingHasher(hasher: PasswordHasher) {
  const counts = { verified: 0, unknown: 0 }
  const counting: PasswordHasher = {
    hash: hasher.hash,
    verify(password, kept) {
      counts.verified += 1
      if (kept === undefined) counts.unknown += 1
      return hasher.verify(password, kept)
    }
  }
  return { counting, counts }
}

t.test('a password is hashed once a minute, however often it comes, and as well for unknown users', async (t) => {
  const made = await make(t)
  const { db, now, userCommands, hasher } = made
  const { counting, counts } = countingHasher(hasher)
  const users = createUserReader(db)
  const guard = createLoginGuard({ failures: [], commands: userCommands, now })
  const clock = () => now().getTime()
  const logins = createLogins({ users, freshUsers: users, commands: userCommands, hasher: counting, guard, now, clock })
  await Promise.all(Array.from({ length: 50 }, () => logins.withPassword('ann', PASSWORD, ADDRESS)))
  for (let count = 0; count < 50; count += 1) await logins.withPassword('ann', PASSWORD, ADDRESS)
  t.same(counts, { verified: 1, unknown: 0 })
  made.pass(MINUTE)
  await logins.withPassword('ann', PASSWORD, ADDRESS)
  t.same(counts, { verified: 2, unknown: 0 })
  await logins.withPassword('nobody', PASSWORD, ADDRESS)
  t.same(counts, { verified: 3, unknown: 1 })
})

t.test('what this process changes counts at once, also for remembered logins', async (t) => {
  const { logins, userCommands, hasher, now } = await make(t)
  const login = () => logins.withPassword('ann', PASSWORD, ADDRESS)
  const identity = await login()
  await userCommands.changeUser({ name: 'ann', role: 'viewer', changedAt: now() })
  t.match(await login(), { role: 'viewer' })
  t.match(identity && (await logins.renew(identity)), { role: 'viewer' })
  await userCommands.changeUser({ name: 'ann', passwordHash: await hasher.hash('another one'), changedAt: now() })
  t.equal(await login(), undefined)
  t.equal(identity && (await logins.renew(identity)), undefined)
  t.match(await logins.withPassword('ann', 'another one', ADDRESS), { name: 'ann' })
  await userCommands.removeUser('ann')
  t.equal(await logins.withPassword('ann', 'another one', ADDRESS), undefined)
  t.equal(await logins.withSession('ann'), undefined)
})

t.test('what another process changes counts after two seconds', async (t) => {
  const { logins, others, pass, now } = await make(t)
  const login = () => logins.withPassword('ann', PASSWORD, ADDRESS)
  await login()
  await others.changeUser({ name: 'ann', role: 'viewer', changedAt: now() })
  pass(2_000)
  t.match(await login(), { role: 'viewer' })
  await others.removeUser('ann')
  pass(2_000)
  t.equal(await login(), undefined)
})

t.test('a user who is removed and added again has no logins of before', async (t) => {
  const { logins, userCommands, hasher, now } = await make(t)
  const identity = await logins.withPassword('ann', PASSWORD, ADDRESS)
  await userCommands.removeUser('ann')
  const passwordHash = await hasher.hash('a new password')
  await userCommands.addUser({ name: 'ann', role: 'admin', passwordHash, createdAt: now() })
  t.equal(await logins.withPassword('ann', PASSWORD, ADDRESS), undefined)
  t.equal(identity && (await logins.renew(identity)), undefined)
})

t.test('the sixth wrong password has to wait, a remembered login and a token do not', async (t) => {
  const made = await make(t)
  const { logins } = made
  const { text } = await addToken(made)
  await logins.withPassword('ann', PASSWORD, ADDRESS)
  for (let count = 0; count < 5; count += 1) await logins.withPassword('ann', `wrong ${count}`, ADDRESS)
  await t.rejects(logins.withPassword('ann', 'wrong', ADDRESS), { code: 'LOGIN_TOO_OFTEN', retryAfterSeconds: 1 })
  t.match(await logins.withPassword('ann', PASSWORD, ADDRESS), { name: 'ann' })
  t.match(await logins.withToken(text), { name: 'ann' })
})

t.test('failures outlive the process', async (t) => {
  const made = await make(t)
  for (let count = 0; count < 5; count += 1) await made.logins.withPassword('ann', `wrong ${count}`, ADDRESS)
  const restarted = await makeLogins(made.db, made.now)
  await t.rejects(restarted.logins.withPassword('ann', PASSWORD, ADDRESS), { code: 'LOGIN_TOO_OFTEN' })
  t.match(
    await restarted.logins.withPassword('ann', PASSWORD, '192.0.2.8'),
    { name: 'ann' },
    'elsewhere none have been'
  )
})

t.test('more passwords than can be checked are refused, and nobody is blamed for it', async (t) => {
  const { logins } = await make(t)
  const addresses = Array.from({ length: 40 }, (_, index) => `198.51.100.${index}`)
  const outcomes = await Promise.allSettled(addresses.map((address) => logins.withPassword('ann', PASSWORD, address)))
  const refused = outcomes.filter(({ status }) => status === 'rejected')
  t.equal(refused.length, 10)
  t.match(refused[0], { reason: { code: 'LOGINS_BUSY', retryAfterSeconds: 2 } })
  t.match(await logins.withPassword('ann', PASSWORD, ADDRESS), { name: 'ann' })
})

t.test('a password whose hash has other parameters is hashed again after the login', async (t) => {
  const { logins, db, hasher } = await make(t)
  const hash = await hashPassword(PASSWORD, { memory: 16, passes: 1 })
  await db.updateTable('user').set({ password_hash: hash }).where('name', '=', 'ann').execute()
  t.match(await logins.withPassword('ann', PASSWORD, ADDRESS), { name: 'ann' })
  const kept = await createUserReader(db).findUser('ann')
  t.match(kept, { passwordHash: /^\$argon2id\$v=19\$m=8,/, version: 1 })
  t.match(await hasher.verify(PASSWORD, kept?.passwordHash), { isRight: true, isOutdated: false })
})

t.test('a token is its owner with the lower of both roles, until it ends', async (t) => {
  const made = await make(t)
  const { logins, userCommands, now, pass } = made
  const lasting = await addToken(made)
  const viewing = await addToken(made, { role: 'viewer', expiresAt: new Date(now().getTime() + MINUTE) })
  t.match(await logins.withToken(lasting.text), { name: 'ann', role: 'exporter', kind: 'token', tokenId: lasting.id })
  const identity = await logins.withToken(viewing.text)
  t.match(identity, { role: 'viewer' })
  await userCommands.changeUser({ name: 'ann', role: 'viewer', changedAt: now() })
  t.match(await logins.withToken(lasting.text), { role: 'viewer' }, 'a demoted owner')
  pass(MINUTE)
  t.equal(await logins.withToken(viewing.text), undefined, 'expired')
  t.equal(identity && (await logins.renew(identity)), undefined)
  t.equal(await userCommands.removeToken({ id: lasting.id, userName: 'root' }), false, 'not that user’s')
  t.equal(await userCommands.removeToken({ id: lasting.id, userName: 'ann' }), true)
  t.equal(await logins.withToken(lasting.text), undefined, 'removed')
  const last = await addToken(made)
  await userCommands.removeUser('ann')
  t.equal(await logins.withToken(last.text), undefined, 'without an owner')
})

t.test('a token that is made up, cut or mixed is none, and its secret is not kept', async (t) => {
  const made = await make(t)
  const { logins, db } = made
  const [one, other] = [await addToken(made), await addToken(made)]
  const secret = one.text.slice(21)
  for (const text of [
    '',
    'fxd_',
    one.id,
    one.text.slice(0, -1),
    `${one.text}A`,
    one.text.toUpperCase(),
    `fxd_${other.id}_${secret}`,
    makeToken().text
  ]) {
    t.equal(await logins.withToken(text), undefined, text)
  }
  const rows = await db.selectFrom('token').selectAll().execute()
  t.notMatch(JSON.stringify(rows), secret)
})

t.test('the use of a token is written down once a minute', async (t) => {
  const made = await make(t)
  const { id, text } = await addToken(made)
  const lastUse = async () => (await made.users.findToken(id))?.token.lastUsedAt?.getTime() ?? 0
  await made.logins.withToken(text)
  const first = await lastUse()
  t.equal(first, made.now().getTime())
  made.pass(MINUTE - 1)
  await made.logins.withToken(text)
  t.equal(await lastUse(), first)
  made.pass(1)
  await made.logins.withToken(text)
  t.equal(await lastUse(), first + MINUTE)
})
