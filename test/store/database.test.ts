import { promises as fs } from 'node:fs'
import path from 'node:path'
import { type Kysely, sql } from 'kysely'
import { FileMigrationProvider, Migrator } from 'kysely/migration'
import t, { type Test } from 'tap'
import * as migration from '../../migrations/0001-depot.ts'
import { type Depot, knownMigrations, migrateToLatest, openDatabase } from '../../src/store/database.ts'
import { DatabaseUnusable } from '../../src/store/database-unusable.ts'

const MIGRATIONS = [
  '0001-depot',
  '0002-work',
  '0003-sessions',
  '0004-imports',
  '0005-plan-digests',
  '0006-task-progress',
  '0007-deflations',
  '0008-users',
  '0009-audit',
  '0010-servers',
  '0011-deletions',
  '0012-package-kinds'
]

const FIRST_TABLES = [
  'catalog',
  'catalog_problem',
  'credential',
  'file',
  'file_reading',
  'package',
  'package_file',
  'package_machine_type',
  'package_member',
  'package_property',
  'package_requisite',
  'plan',
  'plan_entry',
  'task',
  'task_message'
]

const TABLES = [
  ...FIRST_TABLES,
  'identity',
  'import_change',
  'import_file',
  'import_job',
  'import_package',
  'server',
  'session',
  'deflation',
  'login_failure',
  'token',
  'upload',
  'user',
  'audit',
  'task_count',
  'work'
].sort()

function open(t: Test, options: { file?: string } = {}): Depot {
  const db = openDatabase({ file: ':memory:', ...options })
  t.teardown(() => db.destroy())
  return db
}

async function pragma(db: Depot, name: string): Promise<unknown> {
  const { rows } = await sql<Record<string, unknown>>`pragma ${sql.raw(name)}`.execute(db)
  return Object.values(rows[0] ?? {})[0]
}

async function tablesOf(db: Depot): Promise<string[]> {
  const tables = await db.introspection.getTables()
  return tables.map(({ name }) => name).filter((name) => !name.startsWith('sqlite_'))
}

t.test('a connection lets others read, checks references and waits for other writers', async (t) => {
  const db = open(t, { file: path.join(t.testdir(), 'depot.db') })
  t.equal(await pragma(db, 'journal_mode'), 'wal')
  t.equal(await pragma(db, 'synchronous'), 1)
  t.equal(await pragma(db, 'foreign_keys'), 1)
  t.equal(await pragma(db, 'busy_timeout'), 15_000)
  t.equal(await pragma(db, 'cache_size'), -4096)
})

t.test('a new database gets every table, and a second run has nothing to do', async (t) => {
  const db = open(t)
  t.same(await migrateToLatest(db), MIGRATIONS)
  t.same(await migrateToLatest(db), [])
  const tables = await tablesOf(db)
  t.same(tables.sort(), TABLES)
})

t.test('another connection to a migrated file has nothing to do either', async (t) => {
  const file = path.join(t.testdir(), 'depot.db')
  await migrateToLatest(open(t, { file }))
  t.same(await migrateToLatest(open(t, { file })), [])
})

t.test('what the first migration made can be taken back and made again', async (t) => {
  const db = open(t)
  // A migration knows no schema.
  const bare = db as unknown as Kysely<unknown>
  await migration.up(bare)
  await migration.down(bare)
  t.same(await tablesOf(db), [])
  await migration.up(bare)
  t.same((await tablesOf(db)).sort(), FIRST_TABLES)
  t.same(await db.selectFrom('catalog').selectAll().execute(), [{ id: 1, read_at: null, is_current: 0 }])
})

t.test('a migration that fails leaves the database as it was', async (t) => {
  const db = open(t)
  await sql`create table task_message (something text)`.execute(db)
  await t.rejects(migrateToLatest(db), /task_message/)
  const tables = (await tablesOf(db)).filter((name) => !name.startsWith('kysely_'))
  t.same(tables, ['task_message'])
})

t.test('a row that refers to none is refused', async (t) => {
  const db = open(t)
  await migrateToLatest(db)
  const row = { package_id: 1, file_id: 1, role: 'payload' }
  await t.rejects(db.insertInto('package_file').values(row).execute(), /FOREIGN KEY/)
})

t.test('the catalog has one row and no other', async (t) => {
  const db = open(t)
  await migrateToLatest(db)
  await t.rejects(db.insertInto('catalog').values({ id: 2, read_at: null, is_current: 0 }).execute(), /CHECK/)
})

t.test('a database that lies in no directory cannot be opened', async (t) => {
  const file = path.join(t.testdir(), 'absent', 'depot.db')
  t.throws(() => openDatabase({ file }), DatabaseUnusable)
  t.throws(() => openDatabase({ file }), { message: /directory .*absent is not there/ })
})

t.test('the migrations are known by name without being loaded', async (t) => {
  t.same(knownMigrations(), MIGRATIONS)
})

t.test(
  'a database of the first version keeps its tasks, their messages and their archives, and no id is used again',
  async (t) => {
    const db = open(t)
    const bare = db as unknown as Kysely<unknown>
    const migrationFolder = path.join(import.meta.dirname, '../../migrations')
    const migrator = new Migrator({ db, provider: new FileMigrationProvider({ fs, path, migrationFolder }) })
    await migrator.migrateTo('0001-depot')
    await sql`insert into plan values (7, 'digest', 1, 1, 10, 123)`.execute(bare)
    const task = (id: number, kind: string, state: string, plan: number | null) =>
      sql`
    insert into task (id, kind, state, plan_id, archive_name, created_by, created_at, finished_at)
    values (${id}, ${kind}, ${state}, ${plan}, ${plan && 'repository20260101000000.zip'}, 'admin', 1000, ${plan && 2000})
  `.execute(bare)
    await task(3, 'export', 'completed', 7)
    await task(4, 'scan', 'running', null)
    await task(9, 'scan', 'completed', null)
    await sql`insert into task_message values (3, 0, 'FQX', 'text', 'explanation', 'recovery')`.execute(bare)
    await sql`delete from task where id = 9`.execute(bare)

    t.same(await migrateToLatest(db), [
      '0002-work',
      '0003-sessions',
      '0004-imports',
      '0005-plan-digests',
      '0006-task-progress',
      '0007-deflations',
      '0008-users',
      '0009-audit',
      '0010-servers',
      '0011-deletions',
      '0012-package-kinds'
    ])
    const tasks = await db.selectFrom('task').select(['id', 'kind', 'state', 'created_by']).orderBy('id').execute()
    t.same(tasks, [
      { id: 3, kind: 'export', state: 'completed', created_by: 'admin' },
      { id: 4, kind: 'scan', state: 'live', created_by: 'admin' }
    ])
    t.match(await db.selectFrom('task_message').selectAll().execute(), [{ task_id: 3, message_id: 'FQX' }])
    t.match(await db.selectFrom('plan').selectAll().execute(), [
      { id: 7, archive_name: 'repository20260101000000.zip', archive_state: 'kept' }
    ])
    t.equal((await db.selectFrom('work').select('state').where('id', '=', 4).executeTakeFirst())?.state, 'queued')
    const row = { kind: 'scan', state: 'live', work_id: 4, created_by: 'admin', created_at: 3000 }
    t.same(await db.insertInto('task').values(row).returning('id').execute(), [{ id: 10 }])
  }
)
