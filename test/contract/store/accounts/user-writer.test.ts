import type { Test } from 'tap'
import { MAX_FAILURES_KEPT } from '../../../../src/core/accounts/failed-logins.ts'
import { MAX_TOKENS_PER_USER } from '../../../../src/core/accounts/user.ts'
import { createUserReader, listLoginFailures } from '../../../../src/store/accounts/user-reader.ts'
import { createUserCommands } from '../../../../src/store/accounts/user-writer.ts'
import { makeDepot } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

const CREATED = new Date(1_000)
const CHANGED = new Date(2_000)

async function make(t: Test) {
  const { db } = await makeDepot(t)
  const [commands, reader] = [createUserCommands(db), createUserReader(db)]
  await commands.addUser({ name: 'root', role: 'admin', passwordHash: 'hash of root', createdAt: CREATED })
  await commands.addUser({ name: 'ann', role: 'viewer', passwordHash: 'hash of ann', createdAt: CREATED })
  return { db, commands, reader }
}

const token = (id: string, userName = 'ann') => ({
  token: {
    id,
    userName,
    name: 'a name',
    role: 'viewer',
    createdAt: CREATED,
    expiresAt: null,
    lastUsedAt: null
  } as const,
  secretHash: `hash of ${id}`
})

testOnBoth('a user is stored as added, and listed without the hash of the password', async (t) => {
  const { reader } = await make(t)
  const ann = { name: 'ann', role: 'viewer', createdAt: CREATED, passwordChangedAt: CREATED }
  t.same(await reader.findUser('ann'), { ...ann, id: 2, version: 1, passwordHash: 'hash of ann' })
  t.equal(await reader.findUser('Ann'), undefined)
  t.same(await reader.listUsers(), [ann, { ...ann, name: 'root', role: 'admin' }])
})

testOnBoth('a name is unique, and the id of a removed user is not used again', async (t) => {
  const { commands, reader } = await make(t)
  const ann = { name: 'ann', role: 'admin', passwordHash: 'other', createdAt: CHANGED } as const
  await t.rejects(commands.addUser(ann), { code: 'USER_EXISTS' })
  t.match(await reader.findUser('ann'), { role: 'viewer', passwordHash: 'hash of ann' })
  const { id = 0 } = (await reader.findUser('ann')) ?? {}
  await commands.removeUser('ann')
  await commands.addUser(ann)
  t.ok(((await reader.findUser('ann'))?.id ?? 0) > id)
})

testOnBoth('a change of the role keeps the password, and a change of the password keeps the role', async (t) => {
  const { commands, reader } = await make(t)
  t.match(await commands.changeUser({ name: 'ann', role: 'operator', changedAt: CHANGED }), { role: 'operator' })
  t.match(await reader.findUser('ann'), { version: 1, passwordChangedAt: CREATED })
  await commands.changeUser({ name: 'ann', passwordHash: 'new', changedAt: CHANGED })
  t.match(await reader.findUser('ann'), {
    role: 'operator',
    version: 2,
    passwordHash: 'new',
    passwordChangedAt: CHANGED
  })
})

testOnBoth('the last administrator is neither removed nor demoted', async (t) => {
  const { commands, reader } = await make(t)
  await t.rejects(commands.removeUser('root'), { code: 'LAST_ADMINISTRATOR' })
  const demotion = { name: 'root', role: 'operator', changedAt: CHANGED } as const
  await t.rejects(commands.changeUser({ ...demotion, passwordHash: 'new' }), { code: 'LAST_ADMINISTRATOR' })
  t.match(await reader.findUser('root'), { role: 'admin', version: 1 })
  await commands.changeUser({ name: 'ann', role: 'admin', changedAt: CHANGED })
  await commands.changeUser(demotion)
  await t.rejects(commands.removeUser('ann'), { code: 'LAST_ADMINISTRATOR' })
  await commands.removeUser('root')
})

testOnBoth('an unknown user cannot be changed, removed, or given a token', async (t) => {
  const { commands } = await make(t)
  const unknown = { code: 'USER_UNKNOWN' }
  await t.rejects(commands.changeUser({ name: 'bob', role: 'viewer', changedAt: CHANGED }), unknown)
  await t.rejects(commands.removeUser('bob'), unknown)
  await t.rejects(commands.addToken(token('1', 'bob')), unknown)
})

testOnBoth('a new hash of the same password is not written over another password', async (t) => {
  const { commands, reader } = await make(t)
  await commands.rehashPassword({ userId: 2, version: 1, hash: 'rehashed' })
  t.match(await reader.findUser('ann'), { passwordHash: 'rehashed', version: 1 })
  await commands.changeUser({ name: 'ann', passwordHash: 'changed', changedAt: CHANGED })
  await commands.rehashPassword({ userId: 2, version: 1, hash: 'too late' })
  t.match(await reader.findUser('ann'), { passwordHash: 'changed' })
})

testOnBoth('tokens are found with their owner, and deleted with it', async (t) => {
  const { commands, reader } = await make(t)
  await commands.addToken(token('1'))
  await commands.addToken(token('2', 'root'))
  t.match(await reader.findToken('1'), { secretHash: 'hash of 1', token: token('1').token, owner: { name: 'ann' } })
  t.same(
    (await reader.listTokens(undefined)).map(({ id }) => id),
    ['1', '2']
  )
  t.same(await reader.listTokens('root'), [token('2', 'root').token])
  await commands.removeUser('ann')
  t.equal(await reader.findToken('1'), undefined)
})

testOnBoth('a user has at most the permitted number of tokens', async (t) => {
  const { commands, db } = await make(t)
  for (let count = 0; count < MAX_TOKENS_PER_USER; count += 1) {
    const row = { id: String(count), user_id: 2, name: '', role: 'viewer', secret_hash: '', created_at: 1 }
    await db
      .insertInto('token')
      .values({ ...row, expires_at: null, last_used_at: null })
      .execute()
  }
  await t.rejects(commands.addToken(token('one more')), { code: 'TOO_MANY_KEPT' })
  await commands.addToken(token('of another', 'root'))
})

testOnBoth('failed logins are stored by key, deleted when they are old, and limited in number', async (t) => {
  const { commands, db } = await make(t)
  const failure = (key: string, failures: number, failedAt: number) => ({ key, failures, failedAt: new Date(failedAt) })
  const record = (...failures: ReturnType<typeof failure>[]) =>
    commands.recordFailures({ failures, forget: [], expiredBefore: new Date(50) })
  await record(failure('a', 1, 100), failure('b', 1, 40))
  await record(failure('a', 2, 200))
  t.same(await listLoginFailures(db), [failure('a', 2, 200)])
  await commands.recordFailures({ failures: [], forget: ['a'], expiredBefore: new Date(0) })
  t.same(await listLoginFailures(db), [])
  await record(...Array.from({ length: MAX_FAILURES_KEPT + 2 }, (_, index) => failure(`k${index}`, 1, 100 + index)))
  const kept = await listLoginFailures(db)
  t.same([kept.length, kept[0]?.key], [MAX_FAILURES_KEPT, 'k2'])
})
