import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { withStatementCache } from '../../../../src/store/engine/statement-cache.ts'

const CAPACITY = 128

function open(t: Test) {
  const database = new Database(':memory:')
  t.teardown(() => database.close())
  return { database, cache: withStatementCache(database) }
}

const numbered = (number: number) => `select ${number} as n`

t.test('the same text is prepared once', async (t) => {
  const { cache } = open(t)
  const first = cache.prepare(numbered(1))
  t.equal(cache.prepare(numbered(1)), first)
  t.not(cache.prepare(numbered(2)), first)
  t.same(first.all([]), [{ n: 1 }])
})

t.test('the statement that was not used for the longest time makes room', async (t) => {
  const { cache } = open(t)
  const statements = Array.from({ length: CAPACITY }, (_, number) => cache.prepare(numbered(number)))
  t.equal(cache.prepare(numbered(0)), statements[0])
  cache.prepare(numbered(CAPACITY))
  t.equal(cache.prepare(numbered(0)), statements[0], 'used lately')
  t.equal(cache.prepare(numbered(2)), statements[2])
  t.not(cache.prepare(numbered(1)), statements[1], 'not used since')
})

t.test('a statement that was kept sees a table that was made anew', async (t) => {
  const { cache, database } = open(t)
  database.exec('create table item (a)')
  cache.prepare('insert into item values (1)').run([])
  t.same(cache.prepare('select * from item').all([]), [{ a: 1 }])
  database.exec('drop table item; create table item (a)')
  t.same(cache.prepare('select * from item').all([]), [])
})

t.test('text that is no statement is refused each time', async (t) => {
  const { cache } = open(t)
  t.throws(() => cache.prepare('selec 1'), /syntax error/)
  t.throws(() => cache.prepare('selec 1'), /syntax error/)
})

t.test('closing closes the database', async (t) => {
  const { cache, database } = open(t)
  cache.prepare(numbered(1))
  cache.close()
  t.equal(database.open, false)
})
