import fs from 'node:fs'
import path from 'node:path'
import Sqlite from 'better-sqlite3'
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { type Database, openDatabase } from '../../../src/store/engine/database.ts'
import { knownMigrations, migrateToLatest } from '../../../src/store/engine/migrations.ts'
import { createArchiveStore } from '../../../src/store/tasks/archive-store.ts'
import { createPlanStore } from '../../../src/store/tasks/plan-store.ts'
import { createTaskStore } from '../../../src/store/tasks/task-store.ts'
import { itemsOf, listPackages, listProblems } from '../../support/depot.ts'

const FIXTURES = path.join(import.meta.dirname, '../../support/databases')

type Row = Readonly<Record<string, unknown>>
type Tables = Readonly<Record<string, readonly Row[]>>

/** A file with the database of a fixture. */
function fileOf(t: Test, migration: string): string {
  const file = path.join(fs.realpathSync(t.testdir()), 'depot.db')
  const database = new Sqlite(file)
  database.exec(fs.readFileSync(path.join(FIXTURES, `${migration}.sql`), 'utf8'))
  database.close()
  return file
}

/** Every row of every table. */
function contentsOf(file: string): Tables {
  const database = new Sqlite(file, { readonly: true })
  const names = database
    .prepare<[], string>(
      "select name from sqlite_schema where type = 'table' and name not like '%\\_%sequence' escape '\\'"
    )
    .pluck()
    .all()
  const tables = names.map((name) => [name, database.prepare<[], Row>(`select * from "${name}"`).all()] as const)
  database.close()
  return Object.fromEntries(tables)
}

/** The row with these columns only. */
function withColumns(row: Row, names: readonly string[]): Row {
  return Object.fromEntries(names.filter((name) => name in row).map((name) => [name, row[name]]))
}

async function schemaOf(db: Database | Kysely<unknown>): Promise<string[]> {
  const { rows } = await sql<{ line: string }>`
    select t.type || ' ' || t.name || ' ' || coalesce((
      select group_concat(c.name || ' ' || lower(c.type) || ' ' || c."notnull" || ' ' || coalesce(c.dflt_value, '') || ' ' || c.pk, ', ')
      from (select * from pragma_table_info(t.name) order by name) as c
    ), '') as line
    from sqlite_schema as t where t.name not like 'sqlite\\_%' escape '\\' order by 1`.execute(db as Kysely<unknown>)
  return rows.map(({ line }) => line)
}

t.test('there is a fixture of every migration', async (t) => {
  const fixtures = fs.readdirSync(FIXTURES).map((file) => path.parse(file).name)
  t.same(fixtures.sort(), knownMigrations(), 'a new one is made by: node scripts/database-fixtures.ts')
})

for (const migration of knownMigrations()) {
  t.test(`a database of ${migration} gets the newest schema and keeps its rows`, async (t) => {
    const file = fileOf(t, migration)
    const before = contentsOf(file)
    for (const [table, rows] of Object.entries(before)) {
      const isLock = table === 'kysely_migration_lock'
      if (!isLock) t.ok(rows.length > 0, `the fixture has rows in ${table}`)
    }
    const db = openDatabase({ file })
    t.teardown(() => db.destroy())
    const known = knownMigrations()
    t.same(await migrateToLatest(db), known.slice(known.indexOf(migration) + 1))
    const after = contentsOf(file)
    for (const [table, rows] of Object.entries(before)) {
      if (table.startsWith('kysely_')) continue
      const columns = Object.keys(rows[0] ?? {}).filter((name) => name in (after[table]?.[0] ?? {}))
      const expected = rows.map((row) => withColumns(row, columns))
      const kept = after[table]?.slice(0, rows.length).map((row) => withColumns(row, columns))
      t.same(kept, expected, `${table} has its rows`)
    }
    const { rows: orphans } = await sql`pragma foreign_key_check`.execute(db)
    t.same(orphans, [], 'no row refers to one that is not there')

    const fresh = openDatabase({ file: ':memory:' })
    t.teardown(() => fresh.destroy())
    await migrateToLatest(fresh)
    t.same(await schemaOf(db), await schemaOf(fresh), 'the schema is that of a new database')

    t.equal((await listPackages(db)).length, 3)
    t.equal((await listProblems(db)).length, 3)
    t.match(await createTaskStore(db).findTask(1), {
      kind: 'export',
      state: 'completed',
      createdBy: 'task created_by 1'
    })
    t.match(await createTaskStore(db).findTask(2), { state: 'queued' })
    const entries = await itemsOf(createPlanStore(db).entryPages(1))
    t.match(entries, [{ path: 'plan_entry path 1', size: 104 }])
    t.match(await createArchiveStore(db).findArchive('plan archive_name 1'), { state: 'kept' })
  })
}

t.test('a database of a newer version is refused, and is not changed', async (t) => {
  const file = fileOf(t, knownMigrations().at(-1) ?? '')
  const database = new Sqlite(file)
  database.exec("insert into kysely_migration (name, timestamp) values ('9999-future', '')")
  database.close()
  const bytes = fs.readFileSync(file)
  t.throws(() => openDatabase({ file }), { name: 'DatabaseUnusable', message: /has the schema 9999-future/ })
  t.same(fs.readFileSync(file), bytes)
})
