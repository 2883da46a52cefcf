import fs from 'node:fs'
import path from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import {
  databaseErrorKind,
  describeDatabaseError,
  isDatabaseError,
  isTransientDatabaseError
} from '../../../../src/core/problems/database-error.ts'

function open(t: Test, file: string, options: Database.Options = {}): Database.Database {
  const database = new Database(file, { timeout: 0, ...options })
  t.teardown(() => database.close())
  return database
}

/** A database with a table of some hundred pages. */
function filled(t: Test): string {
  const file = path.join(t.testdir(), 'depot.db')
  const database = new Database(file)
  database.exec('create table thing (id integer primary key, text text)')
  const insert = database.prepare('insert into thing (text) values (?)')
  database.transaction(() => {
    for (let row = 0; row < 500; row++) insert.run('x'.repeat(2_000))
  })()
  database.close()
  return file
}

function errorOf(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  throw new Error('nothing went wrong')
}

const INSERT = "insert into thing (text) values ('more')"

t.test('a database that somebody else writes to is busy', async (t) => {
  const file = filled(t)
  open(t, file).exec('begin immediate')
  const error = errorOf(() => open(t, file).exec(INSERT))
  t.equal(databaseErrorKind(error), 'busy')
  t.equal(describeDatabaseError(error), 'The database is busy.')
  t.ok(isTransientDatabaseError(error))
})

t.test('a database that cannot grow has no space left', async (t) => {
  const database = open(t, filled(t))
  database.pragma(`max_page_count = ${database.pragma('page_count', { simple: true })}`)
  const error = errorOf(() => database.prepare('insert into thing (text) values (?)').run('x'.repeat(20_000)))
  t.equal(databaseErrorKind(error), 'full')
  t.equal(describeDatabaseError(error), 'There is no space left for the database.')
  t.ok(isTransientDatabaseError(error))
})

t.test('a database that may only be read, or not be opened, is forbidden', async (t) => {
  const file = filled(t)
  const denied = errorOf(() => open(t, file, { readonly: true }).exec(INSERT))
  t.equal(databaseErrorKind(denied), 'forbidden')
  t.equal(describeDatabaseError(denied), 'The database cannot be written.')
  t.ok(isTransientDatabaseError(denied))
  t.equal(databaseErrorKind(errorOf(() => open(t, path.dirname(file)))), 'forbidden')
})

t.test('a database with a page that is overwritten is damaged, and so is what is none', async (t) => {
  const file = filled(t)
  const fd = fs.openSync(file, 'r+')
  fs.writeSync(fd, Buffer.alloc(40_960, 0xaa), 0, 40_960, 8_192)
  fs.closeSync(fd)
  const corrupt = errorOf(() => open(t, file).prepare('select sum(length(text)) from thing').get())
  t.equal(databaseErrorKind(corrupt), 'damaged')
  t.equal(describeDatabaseError(corrupt), 'The database is damaged.')
  t.notOk(isTransientDatabaseError(corrupt), 'waiting does not help')
  fs.writeFileSync(file, 'no database at all, but long enough to look at '.repeat(100))
  t.equal(databaseErrorKind(errorOf(() => open(t, file).exec(INSERT))), 'damaged')
})

t.test('a disk that fails is told from a database that does', async (t) => {
  const error = new Database.SqliteError('disk I/O error', 'SQLITE_IOERR_READ')
  t.equal(databaseErrorKind(error), 'disk')
  t.equal(describeDatabaseError(error), 'The disk of the database does not answer as it should.')
  t.ok(isTransientDatabaseError(error))
})

t.test('a wrong statement is a bug and no trouble of the database', async (t) => {
  const database = open(t, ':memory:')
  database.exec('create table thing (id integer primary key)')
  database.exec('insert into thing values (1)')
  const errors = [
    errorOf(() => database.exec('select * from nothing')),
    errorOf(() => database.exec('insert into thing values (1)')),
    new TypeError('no function'),
    Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }),
    undefined
  ]
  for (const error of errors) {
    t.notOk(isDatabaseError(error), String(error))
    t.notOk(isTransientDatabaseError(error), String(error))
  }
})
