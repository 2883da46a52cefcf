import Database from 'better-sqlite3'
import { Kysely, SqliteDialect, sql } from 'kysely'
import t, { type Test } from 'tap'
import { bulkInsert } from '../../src/store/bulk-insert.ts'
import { chunks } from '../../src/store/chunks.ts'

interface Row {
  id: number
  label: string | null
}

async function open(t: Test): Promise<Kysely<{ item: Row }>> {
  const db = new Kysely<{ item: Row }>({ dialect: new SqliteDialect({ database: new Database(':memory:') }) })
  t.teardown(() => db.destroy())
  await sql`create table item (id integer primary key, label text) strict`.execute(db)
  return db
}

const rowsOf = (db: Kysely<{ item: Row }>) => db.selectFrom('item').selectAll().orderBy('id').execute()

t.test('rows of several statements all arrive', async (t) => {
  const db = await open(t)
  const rows = Array.from({ length: 4_501 }, (_, id) => ({ id, label: `label ${id}` }))
  await bulkInsert(db, 'item', ['id', 'label'], rows)
  t.same(await rowsOf(db), rows)
})

t.test('no rows are no statement', async (t) => {
  const db = await open(t)
  await bulkInsert(db, 'absent', ['id'], [])
  t.same(await rowsOf(db), [])
})

t.test('values come back as they were', async (t) => {
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

t.test('only the named members are inserted', async (t) => {
  const db = await open(t)
  await bulkInsert(db, 'item', ['id'], [{ id: 1, label: 'left out', further: true }])
  t.same(await rowsOf(db), [{ id: 1, label: null }])
})

t.test('a row that is there already is an error, unless something else is asked for', async (t) => {
  const db = await open(t)
  const insert = (label: string, conflict?: ReturnType<typeof sql>) =>
    bulkInsert(db, 'item', ['id', 'label'], [{ id: 1, label }], conflict)
  await insert('first')
  await t.rejects(insert('second'), /UNIQUE/)
  await insert('third', sql`on conflict do nothing`)
  t.same(await rowsOf(db), [{ id: 1, label: 'first' }])
  await insert('fourth', sql`on conflict (id) do update set label = excluded.label`)
  t.same(await rowsOf(db), [{ id: 1, label: 'fourth' }])
})

t.test('chunks hold everything once, in order', async (t) => {
  const items = Array.from({ length: 1_201 }, (_, index) => index)
  const parts = [...chunks(items)]
  t.same(parts.flat(), items)
  t.same(
    parts.map(({ length }) => length),
    [500, 500, 201]
  )
  t.same([...chunks([])], [])
})
