import { type Kysely, sql } from 'kysely'
import t, { type Test } from 'tap'
import { bulkInsert, chunks } from '../../../../src/store/engine/bulk-insert.ts'
import { makeDepot } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

interface Row {
  id: number
  label: string | null
}

async function open(t: Test): Promise<Kysely<{ item: Row }>> {
  const { db } = await makeDepot(t)
  await sql`create table item (id bigint primary key, label text)`.execute(db)
  return db as unknown as Kysely<{ item: Row }>
}

const rowsOf = (db: Kysely<{ item: Row }>) => db.selectFrom('item').selectAll().orderBy('id').execute()

testOnBoth('all rows of several statements are inserted', async (t) => {
  const db = await open(t)
  const rows = Array.from({ length: 4_501 }, (_, id) => ({ id, label: `label ${id}` }))
  await bulkInsert(db, 'item', ['id', 'label'], rows)
  t.same(await rowsOf(db), rows)
})

testOnBoth('without rows, no statement runs', async (t) => {
  const db = await open(t)
  await bulkInsert(db, 'absent', ['id'], [])
  t.same(await rowsOf(db), [])
})

testOnBoth('values are read as they were inserted', async (t) => {
  const db = await open(t)
  const labels = [
    '',
    "it's",
    '"quoted"',
    'a\\b',
    'line\nline\t\u0001',
    'Ünïcode 漢字 🧱',
    '007',
    'null',
    '{"a":1}',
    null
  ]
  const rows = [...labels.map((label, id) => ({ id, label })), { id: Number.MAX_SAFE_INTEGER, label: 'large' }]
  await bulkInsert(db, 'item', ['id', 'label'], rows)
  t.same(await rowsOf(db), rows)
})

testOnBoth('only the named members are inserted', async (t) => {
  const db = await open(t)
  await bulkInsert(db, 'item', ['id'], [{ id: 1, label: 'left out', further: true }])
  t.same(await rowsOf(db), [{ id: 1, label: null }])
})

testOnBoth('an existing row is an error, unless a conflict clause is given', async (t) => {
  const db = await open(t)
  const insert = (label: string, conflict?: ReturnType<typeof sql>) =>
    bulkInsert(db, 'item', ['id', 'label'], [{ id: 1, label }], conflict)
  await insert('first')
  await t.rejects(insert('second'), /UNIQUE/i)
  await insert('third', sql`on conflict do nothing`)
  t.same(await rowsOf(db), [{ id: 1, label: 'first' }])
  await insert('fourth', sql`on conflict (id) do update set label = excluded.label`)
  t.same(await rowsOf(db), [{ id: 1, label: 'fourth' }])
})

t.test('chunks contain every item once, in order', async (t) => {
  const items = Array.from({ length: 1_201 }, (_, index) => index)
  const parts = [...chunks(items)]
  t.same(parts.flat(), items)
  t.same(
    parts.map(({ length }) => length),
    [500, 500, 201]
  )
  t.same([...chunks([])], [])
})
