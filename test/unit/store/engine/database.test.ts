import path from 'node:path'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { type Database, openDatabase } from '../../../../src/store/engine/database.ts'
import { DatabaseUnusable } from '../../../../src/store/engine/database-unusable.ts'
import { knownMigrations, migrateToLatest } from '../../../../src/store/engine/migrations.ts'

const MIGRATIONS = ['0001-initial']

const TABLES = [
  'audit',
  'catalog',
  'catalog_problem',
  'file',
  'file_index',
  'identity',
  'import_change',
  'import_file',
  'import_job',
  'import_package',
  'job',
  'login_failure',
  'package',
  'package_file',
  'package_machine_type',
  'package_member',
  'package_property',
  'package_requisite',
  'plan',
  'plan_entry',
  'server',
  'session',
  'task',
  'task_count',
  'task_message',
  'token',
  'upload',
  'user'
]

function open(t: Test, options: { file?: string } = {}): Database {
  const db = openDatabase({ file: ':memory:', ...options })
  t.teardown(() => db.destroy())
  return db
}

async function pragma(db: Database, name: string): Promise<unknown> {
  const { rows } = await sql<Record<string, unknown>>`pragma ${sql.raw(name)}`.execute(db)
  return Object.values(rows[0] ?? {})[0]
}

async function tablesOf(db: Database): Promise<string[]> {
  const tables = await db.introspection.getTables()
  return tables.map(({ name }) => name).filter((name) => !name.startsWith('sqlite_'))
}

t.test('a connection allows concurrent readers, checks references and waits for other writers', async (t) => {
  const db = open(t, { file: path.join(t.testdir(), 'depot.db') })
  t.equal(await pragma(db, 'journal_mode'), 'wal')
  t.equal(await pragma(db, 'synchronous'), 1)
  t.equal(await pragma(db, 'foreign_keys'), 1)
  t.equal(await pragma(db, 'busy_timeout'), 15_000)
  t.equal(await pragma(db, 'cache_size'), -4096)
})

t.test('a new database gets every table, and a second migration does nothing', async (t) => {
  const db = open(t)
  t.same(await migrateToLatest(db), MIGRATIONS)
  t.same(await migrateToLatest(db), [])
  const tables = await tablesOf(db)
  t.same(tables.sort(), TABLES)
  t.match(await db.selectFrom('catalog').selectAll().execute(), [{ id: 1, read_at: null, is_current: 0 }])
})

t.test('migrating a migrated file through another connection does nothing', async (t) => {
  const file = path.join(t.testdir(), 'depot.db')
  await migrateToLatest(open(t, { file }))
  t.same(await migrateToLatest(open(t, { file })), [])
})

t.test('a migration that fails leaves the database as it was', async (t) => {
  const db = open(t)
  await sql`create table task_message (something text)`.execute(db)
  await t.rejects(migrateToLatest(db), /task_message/)
  const tables = (await tablesOf(db)).filter((name) => !name.startsWith('kysely_'))
  t.same(tables, ['task_message'])
})

t.test('a row that refers to a missing row is rejected', async (t) => {
  const db = open(t)
  await migrateToLatest(db)
  const row = { package_id: 1, file_id: 1, role: 'payload' }
  await t.rejects(db.insertInto('package_file').values(row).execute(), /FOREIGN KEY/)
})

t.test('the catalog has exactly one row', async (t) => {
  const db = open(t)
  await migrateToLatest(db)
  await t.rejects(db.insertInto('catalog').values({ id: 2, read_at: null, is_current: 0 }).execute(), /CHECK/)
})

t.test('a database in a missing directory cannot be opened', async (t) => {
  const file = path.join(t.testdir(), 'absent', 'depot.db')
  t.throws(() => openDatabase({ file }), DatabaseUnusable)
  t.throws(() => openDatabase({ file }), { message: /directory .*absent does not exist/ })
})

t.test('the names of the migrations are known without loading them', async (t) => {
  t.same(knownMigrations(), MIGRATIONS)
})
