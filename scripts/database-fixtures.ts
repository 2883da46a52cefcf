/**
 * Generates test/support/databases/NNNN-name.sql for every migration without one: the database after that migration,
 * with rows in every table, as SQL. The fixture of a released migration never changes.
 *
 * Usage: node scripts/database-fixtures.ts
 */
import fs, { promises as fsp } from 'node:fs'
import path from 'node:path'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { FileMigrationProvider, Migrator } from 'kysely/migration'

const ROOT = path.join(import.meta.dirname, '..')
const MIGRATIONS = path.join(ROOT, 'migrations')
const FIXTURES = path.join(ROOT, 'test/support/databases')

/** Rows of every table that is empty after the migration. */
const ROWS = 3

/** Values of the first rows where an arbitrary text is not valid, by table and column. */
const VALUES: Readonly<Record<string, readonly (string | number | null)[]>> = {
  'package.kind': ['update', 'update', 'system-pack'],
  'package.form': ['classic', 'v3-zip', 'classic'],
  'package.payload_state': ['present', 'absent', 'none'],
  'package_file.role': ['payload', 'metadata', 'readme'],
  'plan.archive_state': ['kept', 'pending', 'none'],
  'task.kind': ['export', 'export', 'scan'],
  'task.state': ['completed', 'live', 'failed'],
  'job.kind': ['export', 'export', 'scan'],
  'job.state': ['ended', 'queued', 'ended'],
  'file_index.contents': [null, null, null],
  'user.role': ['admin', 'operator', 'viewer'],
  'token.role': ['admin', 'exporter', 'viewer'],
  'audit.number': [1, 2, 3],
  'audit.targets': ['[]', '[]', '[]'],
  'audit.previous_hash': ['0'.repeat(64), 'audit hash 1', 'audit hash 2']
}

interface Column {
  readonly name: string
  readonly type: string
}

fs.mkdirSync(FIXTURES, { recursive: true })
for (const migration of fs.readdirSync(MIGRATIONS).map((file) => path.parse(file).name)) {
  const file = path.join(FIXTURES, `${migration}.sql`)
  if (!fs.existsSync(file)) fs.writeFileSync(file, await databaseAfter(migration))
}

async function databaseAfter(migration: string): Promise<string> {
  const database = new Database(':memory:')
  const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database }) })
  const provider = new FileMigrationProvider({ fs: fsp, path, migrationFolder: MIGRATIONS })
  const { error } = await new Migrator({ db, provider }).migrateTo(migration)
  if (error !== undefined) throw error
  // Rows are inserted in no particular order; the references are checked at the end.
  database.pragma('foreign_keys = OFF')
  for (const table of tablesOf(database)) fill(database, table)
  const dangling = database.pragma('foreign_key_check')
  if (Array.isArray(dangling) && dangling.length > 0)
    throw new Error(`Rows refer to missing rows: ${JSON.stringify(dangling)}`)
  const text = dump(database)
  await db.destroy()
  return text
}

function tablesOf(database: Database.Database): string[] {
  const select =
    "select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\' order by rowid"
  return database.prepare<[], string>(select).pluck().all()
}

function columnsOf(database: Database.Database, table: string): Column[] {
  return database.prepare<[string], Column>('select name, lower(type) as type from pragma_table_info(?)').all(table)
}

/** Inserts rows, except into tables whose row is inserted by the migration. */
function fill(database: Database.Database, table: string): void {
  if (table.startsWith('kysely_') || database.prepare(`select 1 from "${table}"`).get() !== undefined) return
  const references = database
    .prepare<[string], { from: string }>('select "from" from pragma_foreign_key_list(?)')
    .all(table)
    .map(({ from }) => from)
  const columns = columnsOf(database, table)
  for (let row = 0; row < ROWS; row++) {
    const values = columns.map(({ name, type }) => {
      const given = VALUES[`${table}.${name}`]
      if (given !== undefined) return given[row]
      if (references.includes(name) || name === 'id') return type === 'integer' ? row + 1 : `${name} ${row + 1}`
      return type === 'integer' ? 100 * (row + 1) + name.length : `${table} ${name} ${row + 1}`
    })
    const names = columns.map(({ name }) => `"${name}"`).join(', ')
    database.prepare(`insert into "${table}" (${names}) values (${columns.map(() => '?').join(', ')})`).run(values)
  }
}

/** Statements that create the database again. */
function dump(database: Database.Database): string {
  const lines = ['PRAGMA foreign_keys = OFF;']
  const select =
    "select sql from sqlite_schema where sql is not null and name not like 'sqlite\\_%' escape '\\' order by rowid"
  for (const statement of database.prepare<[], string>(select).pluck().all()) lines.push(`${statement};`)
  for (const table of [...tablesOf(database), ...sequenceOf(database)]) {
    // The inserts into the other tables have filled this one.
    if (table === 'sqlite_sequence') lines.push('DELETE FROM sqlite_sequence;')
    const names = columnsOf(database, table).map(({ name }) => `"${name}"`)
    const quoted = names.map((name) => `quote(${name})`).join(" || ', ' || ")
    for (const values of database.prepare<[], string>(`select ${quoted} from "${table}"`).pluck().all()) {
      lines.push(`INSERT INTO "${table}" (${names.join(', ')}) VALUES (${values});`)
    }
  }
  return `${lines.join('\n')}\n`
}

/** SQLite stores the last used ids in this table. */
function sequenceOf(database: Database.Database): string[] {
  return database.prepare<[], string>("select name from sqlite_schema where name = 'sqlite_sequence'").pluck().all()
}
