import type { Test } from 'tap'
import type { KeptSession } from '../../../../src/core/accounts/session.ts'
import {
  createSessionCommands,
  createSessionReader,
  MAX_SESSIONS
} from '../../../../src/store/accounts/session-store.ts'
import { createUserCommands } from '../../../../src/store/accounts/user-writer.ts'
import { identityOf } from '../../../support/api/logins.ts'
import { makeDepot } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

const LONG_AGO = new Date(0)

const identity = identityOf('ann')

/** A depot with the user of all sessions. */
async function makeDepotWithUser(t: Test) {
  const depot = await makeDepot(t, {})
  const user = { name: 'ann', role: 'viewer', passwordHash: 'one', createdAt: new Date(0) } as const
  await createUserCommands(depot.db).addUser(user)
  return depot
}

function session(id: string, usedAt: number): KeptSession {
  return {
    id,
    userName: 'ann',
    address: '192.0.2.7',
    createdAt: new Date(1_000),
    lastUsedAt: new Date(usedAt),
    secretHash: `hash of ${id}`
  }
}

testOnBoth('a session is stored as it was opened, until it is ended', async (t) => {
  const { db } = await makeDepotWithUser(t)
  const [commands, reader] = [createSessionCommands(db), createSessionReader(db)]
  await commands.openSession({ session: session('one', 5_000), expiredBefore: LONG_AGO, identity })
  t.same(await reader.findSession('one'), session('one', 5_000))
  t.equal(await reader.findSession('two'), undefined)
  t.equal(await commands.endSession('two'), false)
  t.equal(await commands.endSession('one'), true)
  t.equal(await commands.endSession('one'), false)
  t.equal(await reader.findSession('one'), undefined)
})

testOnBoth('a use of a session moves its last use forward, and never back', async (t) => {
  const { db } = await makeDepotWithUser(t)
  const [commands, reader] = [createSessionCommands(db), createSessionReader(db)]
  await commands.openSession({ session: session('one', 5_000), expiredBefore: LONG_AGO, identity })
  await commands.recordUse({ id: 'one', usedAt: new Date(9_000) })
  await commands.recordUse({ id: 'one', usedAt: new Date(7_000) })
  t.same((await reader.findSession('one'))?.lastUsedAt, new Date(9_000))
})

testOnBoth('opening a session deletes the expired ones', async (t) => {
  const { db } = await makeDepotWithUser(t)
  const [commands, reader] = [createSessionCommands(db), createSessionReader(db)]
  await commands.openSession({ session: session('old', 5_000), expiredBefore: LONG_AGO, identity })
  await commands.openSession({ session: session('kept', 6_000), expiredBefore: LONG_AGO, identity })
  await commands.openSession({ session: session('new', 9_000), expiredBefore: new Date(6_000), identity })
  const ids = (await reader.listSessions()).map(({ id }) => id)
  t.same(ids, ['kept', 'new'])
})

testOnBoth('when there are too many sessions, the least recently used one ends', async (t) => {
  const { db } = await makeDepotWithUser(t)
  const [commands, reader] = [createSessionCommands(db), createSessionReader(db)]
  const rows = Array.from({ length: MAX_SESSIONS }, (_, index) => ({
    id: `s${index}`,
    secret_hash: '',
    user_id: 1,
    user_name: 'ann',
    address: '',
    created_at: 1,
    last_used_at: 10_000 + index
  }))
  for (let start = 0; start < rows.length; start += 100) {
    await db
      .insertInto('session')
      .values(rows.slice(start, start + 100))
      .execute()
  }
  // The new session remains even if its time is the oldest, as with a clock that is slow.
  await commands.openSession({ session: session('new', 5_000), expiredBefore: LONG_AGO, identity })
  t.equal((await reader.listSessions()).length, MAX_SESSIONS)
  t.equal(await reader.findSession('s0'), undefined)
  t.ok(await reader.findSession('s1'))
  t.ok(await reader.findSession('new'))
})

testOnBoth('a session is not opened for a removed user, or after a change of the password', async (t) => {
  const { db } = await makeDepotWithUser(t)
  const commands = createSessionCommands(db)
  for (const stale of [
    { userId: 2, userVersion: 1 },
    { userId: 1, userVersion: 2 }
  ]) {
    const opening = { session: session('one', 5_000), expiredBefore: LONG_AGO, identity: stale }
    await t.rejects(commands.openSession(opening), { code: 'LOGIN_REFUSED' })
  }
  t.same(await createSessionReader(db).listSessions(), [])
})

testOnBoth('sessions end with a change of the password, and with the removal of their user', async (t) => {
  const { db } = await makeDepotWithUser(t)
  const [commands, reader, users] = [createSessionCommands(db), createSessionReader(db), createUserCommands(db)]
  const open = (id: string, userVersion: number) =>
    commands.openSession({
      session: session(id, 5_000),
      expiredBefore: LONG_AGO,
      identity: { userId: 1, userVersion }
    })
  await open('one', 1)
  await users.changeUser({ name: 'ann', role: 'operator', changedAt: new Date(1) })
  t.equal((await reader.listSessions()).length, 1, 'a change of the role ends no session')
  await users.changeUser({ name: 'ann', passwordHash: 'two', changedAt: new Date(1) })
  t.same(await reader.listSessions(), [])
  await open('two', 2)
  await users.removeUser('ann')
  t.same(await reader.listSessions(), [])
})
