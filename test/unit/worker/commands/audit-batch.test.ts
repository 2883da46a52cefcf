import { sql } from 'kysely'
import t, { type Test } from 'tap'
import type { AuditEvent } from '../../../../src/core/accounts/audit.ts'
import { createAuditInspection } from '../../../../src/store/accounts/audit-store.ts'
import type { Database } from '../../../../src/store/engine/database.ts'
import { durableTransaction } from '../../../../src/store/engine/transactions.ts'
import { createAuditBatch } from '../../../../src/worker/commands/audit-batch.ts'
import { makeDepot } from '../../../support/depot.ts'
import { ONLY_SQLITE } from '../../../support/engines.ts'

const event = (requestId: string): AuditEvent => ({
  time: new Date(),
  user: 'ann',
  credential: 'basic',
  address: '192.0.2.7',
  requestId,
  action: 'createExport',
  targets: [],
  status: 201,
  problem: '',
  count: 1
})

async function open(t: Test) {
  const { db } = await makeDepot(t)
  const batch = createAuditBatch(db)
  const told: string[] = []
  const record = async (...ids: string[]) => {
    await Promise.all(ids.map((id) => batch.recordEvent(event(id)).then(() => told.push(id))))
  }
  return { db, batch, told, record }
}

async function written(db: Database): Promise<string[]> {
  const ids: string[] = []
  for await (const { requestId } of createAuditInspection(db).records()) ids.push(requestId)
  return ids
}

t.test('waiting records are written together, in their order', async (t) => {
  const { db, batch, told, record } = await open(t)
  const waiting = record('a', 'b', 'c')
  t.same([told, await written(db)], [[], []])
  await batch.flush()
  await waiting
  t.same(
    [told, await written(db)],
    [
      ['a', 'b', 'c'],
      ['a', 'b', 'c']
    ]
  )
})

t.test('waiting records are written within the transaction of another command', async (t) => {
  const { db, told, record } = await open(t)
  const waiting = record('a', 'b')
  await durableTransaction(db, async (trx) => {
    await trx.updateTable('catalog').set({ read_at: 7 }).execute()
    t.same(told, [])
  })
  await waiting
  t.same(await written(db), ['a', 'b'])
})

t.test('a transaction that fails writes no records, and they are written later', ONLY_SQLITE, async (t) => {
  const { db, batch, told, record } = await open(t)
  const waiting = record('a')
  const fail = async () => Promise.reject(new Error('a refusal'))
  await t.rejects(durableTransaction(db, fail), /a refusal/)
  const other = durableTransaction(db, async (trx) => {
    await sql`pragma defer_foreign_keys = on`.execute(trx)
    await sql`insert into task_message values (99, 0, '', '', '', '')`.execute(trx)
  })
  await t.rejects(other, /FOREIGN KEY/, 'the commit itself fails')
  t.same([told, await written(db)], [[], []])
  const later = record('b')
  await batch.flush()
  await Promise.all([waiting, later])
  t.same(await written(db), ['a', 'b'])
})

t.test('a record that cannot be written is rejected, and neither another command nor later records fail', async (t) => {
  const { db, batch, record } = await open(t)
  await sql`alter table audit rename to elsewhere`.execute(db)
  const failing = Promise.allSettled([record('a'), record('b')])
  await durableTransaction(db, (trx) => trx.updateTable('catalog').set({ read_at: 7 }).execute())
  t.same(await db.selectFrom('catalog').select('read_at').execute(), [{ read_at: 7 }])
  await batch.flush()
  t.match(await failing, [{ status: 'rejected' }, { status: 'rejected' }])
  await sql`alter table elsewhere rename to audit`.execute(db)
  const next = record('c')
  await batch.flush()
  await next
  t.same(await written(db), ['c'])
})
