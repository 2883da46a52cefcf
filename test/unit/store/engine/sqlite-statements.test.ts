import Database from 'better-sqlite3'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { withStatementCache } from '../../../../src/store/engine/sqlite-statements.ts'
import { makeDepot } from '../../../support/depot.ts'
import { ONLY_SQLITE } from '../../../support/engines.ts'

const CAPACITY = 128

function open(t: Test) {
  const database = new Database(':memory:')
  t.teardown(() => database.close())
  return { database, cache: withStatementCache(database) }
}

const numbered = (number: number) => `select ${number} as n`

t.test('a statement is prepared once for the same text', async (t) => {
  const { cache } = open(t)
  const first = cache.prepare(numbered(1))
  t.equal(cache.prepare(numbered(1)), first)
  t.not(cache.prepare(numbered(2)), first)
  t.same(first.all([]), [{ n: 1 }])
})

t.test('the least recently used statement is removed when the cache is full', async (t) => {
  const { cache } = open(t)
  const statements = Array.from({ length: CAPACITY }, (_, number) => cache.prepare(numbered(number)))
  t.equal(cache.prepare(numbered(0)), statements[0])
  cache.prepare(numbered(CAPACITY))
  t.equal(cache.prepare(numbered(0)), statements[0], 'recently used')
  t.equal(cache.prepare(numbered(2)), statements[2])
  t.not(cache.prepare(numbered(1)), statements[1], 'least recently used')
})

t.test('a cached statement reads a table that was dropped and created again', async (t) => {
  const { cache, database } = open(t)
  database.exec('create table item (a)')
  cache.prepare('insert into item values (1)').run([])
  t.same(cache.prepare('select * from item').all([]), [{ a: 1 }])
  database.exec('drop table item; create table item (a)')
  t.same(cache.prepare('select * from item').all([]), [])
})

t.test('invalid SQL is rejected each time', async (t) => {
  const { cache } = open(t)
  t.throws(() => cache.prepare('selec 1'), /syntax error/)
  t.throws(() => cache.prepare('selec 1'), /syntax error/)
})

t.test('close() closes the database', async (t) => {
  const { cache, database } = open(t)
  cache.prepare(numbered(1))
  cache.close()
  t.equal(database.open, false)
})

t.test(
  'a failed transaction rejects with the first error, even after SQLite has rolled it back',
  ONLY_SQLITE,
  async (t) => {
    const { db } = await makeDepot(t)
    await sql`create temporary table number (value integer primary key)`.execute(db)
    const failing = db.transaction().execute(async (trx) => {
      await sql`insert into number values (1)`.execute(trx)
      await sql`insert or rollback into number values (1)`.execute(trx)
    })
    await t.rejects(failing, { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' })
    t.same((await sql`select * from number`.execute(db)).rows, [])
  }
)

t.test('a transaction that fails outside SQLite is rolled back', async (t) => {
  const { db } = await makeDepot(t)
  await sql`create temporary table number (value integer primary key)`.execute(db)
  const failing = db.transaction().execute(async (trx) => {
    await sql`insert into number values (1)`.execute(trx)
    throw new Error('no more')
  })
  await t.rejects(failing, { message: 'no more' })
  t.same((await sql`select * from number`.execute(db)).rows, [])
})
