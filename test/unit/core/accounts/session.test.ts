import t from 'tap'
import { createSessions, type KeptSession, type SessionUse } from '../../../../src/core/accounts/session.ts'
import { identityOf } from '../../../support/api/logins.ts'

const MINUTE = 60_000

/** Sessions over a list, with what was written down. */
function make(kept = new Map<string, KeptSession>()) {
  let time = Date.parse('2026-04-05T06:07:08Z')
  const uses: SessionUse[] = []
  const identities: unknown[] = []
  const sessions = createSessions({
    reader: {
      findSession: async (id) => kept.get(id),
      listSessions: async () => [...kept.values()]
    },
    commands: {
      async openSession({ session, identity }) {
        kept.set(session.id, session)
        identities.push(identity)
      },
      endSession: async (id) => kept.delete(id),
      async recordUse(use) {
        uses.push(use)
        const session = kept.get(use.id)
        if (session !== undefined) kept.set(use.id, { ...session, lastUsedAt: use.usedAt })
      }
    },
    timeoutMs: 60 * MINUTE,
    now: () => new Date(time)
  })
  return {
    sessions,
    kept,
    uses,
    identities,
    pass(milliseconds: number) {
      time += milliseconds
    }
  }
}

t.test('what is kept of a session logs nobody in', async (t) => {
  const { sessions, kept } = make()
  const { token, csrf } = await sessions.open(identityOf('ann'), '192.0.2.7')
  const text = JSON.stringify([...kept.values()])
  const [id = '', secret = ''] = token.split('.')
  t.notMatch(text, secret)
  t.notMatch(text, csrf)
  t.notMatch(csrf, secret)
  const hash = kept.get(id)?.secretHash ?? ''
  t.equal(await sessions.find(`${id}.${hash}`, true), undefined)
})

t.test('whoever keeps the sessions is told whose login was checked', async (t) => {
  const { sessions, identities } = make()
  await sessions.open(identityOf('ann'), '192.0.2.7')
  t.match(identities, [{ userId: 1, userVersion: 1 }])
})

t.test('polling is written down once a minute, and keeps the session from ending all the same', async (t) => {
  const { sessions, uses, pass } = make()
  const { token } = await sessions.open(identityOf('ann'), '')
  for (let second = 0; second < 59; second += 1) {
    pass(1_000)
    t.ok(await sessions.find(token, true))
  }
  t.equal(uses.length, 0)
  pass(1_000)
  await sessions.find(token, true)
  t.equal(uses.length, 1)
  pass(59_000)
  await sessions.find(token, true)
  t.equal(uses.length, 1)
  pass(60 * MINUTE - 1)
  t.ok(await sessions.find(token, true), 'counted from the last use, and not from the last that was written down')
})

t.test('polls that come while a use is being written down add no writes', async (t) => {
  const { sessions, uses, pass } = make()
  const { token } = await sessions.open(identityOf('ann'), '')
  pass(MINUTE)
  await Promise.all(Array.from({ length: 50 }, () => sessions.find(token, true)))
  t.equal(uses.length, 1)
})

t.test('the token and the csrf token of each login are its own', async (t) => {
  const { sessions } = make()
  const all = [await sessions.open(identityOf('ann'), ''), await sessions.open(identityOf('ann'), '')]
  t.equal(new Set(all.map(({ token }) => token)).size, 2)
  t.equal(new Set(all.map(({ csrf }) => csrf)).size, 2)
  for (const { token, csrf } of all) t.equal((await sessions.find(token, false))?.csrf, csrf)
})
