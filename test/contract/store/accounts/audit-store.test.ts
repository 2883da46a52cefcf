import { sql } from 'kysely'
import type { AuditEvent } from '../../../../src/core/accounts/audit.ts'
import { verifyChain } from '../../../../src/core/accounts/verify-audit-chain.ts'
import { appendEvents, createAuditInspection, createAuditReader } from '../../../../src/store/accounts/audit-store.ts'
import type { Database } from '../../../../src/store/engine/database.ts'
import { makeDepot } from '../../../support/depot.ts'
import { type Engine, testOnBoth } from '../../../support/engines.ts'

function event(changes: Partial<AuditEvent> = {}): AuditEvent {
  return {
    time: new Date('2026-01-05T09:30:00.007Z'),
    user: 'ann',
    credential: 'basic',
    address: '192.0.2.7',
    requestId: 'req-1',
    action: 'createExport',
    targets: ['fixid:a'],
    status: 201,
    problem: '',
    count: 1,
    ...changes
  }
}

const REST = 'credential, address, request_id, action, targets, status, problem, count'

const FORGERIES = [
  `update audit set "user" = 'eve' where number = 2`,
  'delete from audit where number = 3',
  'delete from audit',
  `insert into audit select 0, time, "user", ${REST}, previous_hash, hash from audit where number = 1`,
  `insert into audit select 5, time, "user", ${REST}, hash, hash from audit where number = 3`,
  `insert into audit select 4, time, "user", ${REST}, previous_hash, hash from audit where number = 3`
]

const FORGERIES_ON: Readonly<Record<Engine, readonly string[]>> = {
  SQLite: [
    'update or replace audit set number = 9 where number = 2',
    `insert or replace into audit select 2, time, 'eve', ${REST}, previous_hash, hash from audit where number = 2`
  ],
  PostgreSQL: [
    'truncate audit',
    `insert into audit select 2, time, 'eve', ${REST}, previous_hash, hash from audit where number = 2
      on conflict (number) do update set "user" = 'eve'`
  ]
}

async function verify(db: Database) {
  const inspection = createAuditInspection(db)
  return verifyChain(inspection.records(), { hasHash: inspection.hasHash })
}

testOnBoth('events become records in their order, and are read as they were written', async (t) => {
  const { db } = await makeDepot(t)
  await appendEvents(db, [event(), event({ user: 'bob', targets: [], problem: 'X', status: 409, count: 7 })])
  await appendEvents(db, [event({ targets: ['a "quoted" one', 'back\\slash', 'Zoë', '\ud800', '\u0000'] })])
  const records = await createAuditReader(db).auditPage({}, Number.MAX_SAFE_INTEGER, 10)
  t.match(records, [
    { number: 3, targets: ['a "quoted" one', 'back\\slash', 'Zoë', '\ufffd', '\ufffd'] },
    { ...event({ user: 'bob', targets: [], problem: 'X', status: 409, count: 7 }), number: 2, time: String },
    { number: 1, time: '2026-01-05T09:30:00.007Z', user: 'ann', requestId: 'req-1', previousHash: '0'.repeat(64) }
  ])
  t.match(await verify(db), { count: 3, flaw: undefined })
})

testOnBoth('no record can be changed, removed, replaced, or inserted elsewhere than at the end', async (t, engine) => {
  const { db } = await makeDepot(t)
  await appendEvents(db, [event(), event(), event()])
  for (const statement of [...FORGERIES, ...FORGERIES_ON[engine]]) {
    await t.rejects(sql.raw(statement).execute(db), /append-only/, statement)
  }
  t.match(await verify(db), { count: 3, flaw: undefined })
  t.same(await createAuditInspection(db).missingTriggers(), [])
})

testOnBoth('the chain is valid after concurrent writes, and after writes by several connections', async (t) => {
  const { db, connect } = await makeDepot(t)
  const other = connect()
  for (const writer of [db, other, db, other]) {
    await Promise.all(Array.from({ length: 20 }, () => appendEvents(writer, [event(), event({ user: 'bob' })])))
  }
  t.match(await verify(db), { count: 160, flaw: undefined })
})

testOnBoth('records are found by user, action and time, in pages', async (t) => {
  const { db } = await makeDepot(t)
  const hours = (hour: number) => new Date(Date.UTC(2026, 0, 5, hour))
  await appendEvents(
    db,
    Array.from({ length: 12 }, (_, index) =>
      event({ time: hours(index), user: index % 2 === 0 ? 'ann' : 'bob', action: index % 3 === 0 ? 'logIn' : 'logOut' })
    )
  )
  const { auditPage } = createAuditReader(db)
  const numbers = async (...args: Parameters<typeof auditPage>) =>
    (await auditPage(...args)).map(({ number }) => number)
  const END = Number.MAX_SAFE_INTEGER
  t.same(await numbers({ user: 'bob' }, END, 3), [12, 10, 8])
  t.same(await numbers({ user: 'bob' }, 8, 10), [6, 4, 2])
  t.same(await numbers({ action: 'logIn' }, END, 10), [10, 7, 4, 1])
  t.same(await numbers({ user: 'ann', action: 'logIn', since: hours(6) }, END, 10), [7])
  t.same(await numbers({ since: hours(10) }, END, 10), [12, 11])
  t.same(await numbers({ since: hours(12) }, END, 10), [])
  t.same(await numbers({ user: 'nobody' }, END, 10), [])
})

testOnBoth('a clock that was set back hides no record', async (t) => {
  const { db } = await makeDepot(t)
  const days = [3, 5, 4, 6].map((day) => event({ time: new Date(Date.UTC(2026, 0, day)) }))
  await appendEvents(db, days)
  const since = new Date(Date.UTC(2026, 0, 4))
  const page = await createAuditReader(db).auditPage({ since }, Number.MAX_SAFE_INTEGER, 10)
  t.same(
    page.map(({ number }) => number),
    [4, 3, 2]
  )
})
