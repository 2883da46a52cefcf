/** Opens the database and brings it to the newest schema. Whoever opens it closes it, with `destroy()`. */
import fs, { promises as fsp } from 'node:fs'
import path from 'node:path'
import Sqlite from 'better-sqlite3'
import { Kysely, SqliteDialect, sql } from 'kysely'
import { FileMigrationProvider, Migrator } from 'kysely/migration'
import { checkDirectoryOf, DatabaseUnusable, moveUnfinished, schemaTooNew, toUnusable } from './database-unusable.ts'
import { hasTable, isPostgres } from './dialect.ts'
import { createPostgresDialect } from './postgres-dialect.ts'
import type { Schema } from './schema.ts'
import { withStatementCache, withTolerantRollback } from './sqlite-statements.ts'

const BUSY_TIMEOUT_MS = 15_000
const CACHE_KIB = 4_096
const MIGRATIONS = path.join(import.meta.dirname, '../../../migrations')

/** Where what the depot knows is kept. */
export interface DatabaseLocation {
  /** Path of the SQLite file. */
  readonly databaseFile: string
  /** Of a PostgreSQL database, which takes the place of the file. */
  readonly databaseUrl?: string | undefined
  /** The server that connects to PostgreSQL. */
  readonly owner?: string | undefined
}

export interface DatabaseOptions {
  /** Path of the SQLite file, or `:memory:`. */
  readonly file: string
  /** For whoever moves a depot into it; to all others it is refused until all of it is there. */
  readonly isMoveTarget?: boolean
  /** Nobody reads it after a crash: nothing waits for the disk. */
  readonly isForNow?: boolean
}

/** Is among the migrations of a database that a depot is being moved to: every program refuses an unknown migration. */
export const UNFINISHED_MOVE = 'unfinished-move'

export type Database = Kysely<Schema>

/**
 * Opens the database of a depot. In PostgreSQL nothing is connected before the first statement.
 * @param connections of PostgreSQL at the same time, for whoever makes no temporary tables
 * @param isMoveTarget see `DatabaseOptions`
 * @throws DatabaseUnusable
 */
export function openDepotDatabase(
  { databaseFile, databaseUrl, owner }: DatabaseLocation,
  connections = 1,
  isMoveTarget = false
): Database {
  if (databaseUrl === undefined) return openDatabase({ file: databaseFile, isMoveTarget })
  return new Kysely<Schema>({ dialect: createPostgresDialect({ url: databaseUrl, connections, owner }) })
}

/** The same to look at it; see `openForReading`. @throws DatabaseUnusable */
export function openDepotReadOnly(location: DatabaseLocation): Database {
  return location.databaseUrl === undefined ? openReadOnly(location.databaseFile) : openDepotDatabase(location)
}

/**
 * A connection of its own. A thread has one and no more: SQLite lets one connection write at a time, and two in one
 * thread would wait for each other. What has to be on the disk goes through `durableTransaction`.
 * @throws DatabaseUnusable
 */
export function openDatabase(options: DatabaseOptions): Database {
  return connect(options.file, {}, (database) => {
    // Before anything is written: a database of a newer version is left as it is.
    refuseNewerSchema(database, options)
    database.pragma(`journal_mode = ${options.isForNow ? 'MEMORY' : 'WAL'}`)
    database.pragma(`synchronous = ${options.isForNow ? 'OFF' : 'NORMAL'}`)
    database.pragma('foreign_keys = ON')
  })
}

/**
 * A connection to look at a database that is there, also beside a running server. Whoever gets it writes to temporary
 * tables only.
 * @throws DatabaseUnusable
 */
export function openReadOnly(file: string): Database {
  if (!fs.existsSync(file)) throw new DatabaseUnusable(`There is no database at ${file}.`)
  // A read-only connection leaves the files of the log behind that it has to make. Another one takes them away again,
  // but would also bring into the database what a server that was killed has left in its log.
  const logBytes = fs.statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0
  return connect(file, { readonly: logBytes > 0, fileMustExist: true }, (database) => {
    // Nothing is read before that, not even the first page.
    database.pragma('schema_version')
  })
}

function connect(file: string, options: Sqlite.Options, prepare: (database: Sqlite.Database) => void): Database {
  let database: Sqlite.Database | undefined
  try {
    if (file !== ':memory:') checkDirectoryOf(file)
    database = new Sqlite(file, { timeout: BUSY_TIMEOUT_MS, ...options })
    prepare(database)
    database.pragma(`cache_size = -${CACHE_KIB}`)
    database.pragma(`temp.cache_size = -${CACHE_KIB}`)
  } catch (error) {
    database?.close()
    throw toUnusable(file, error) ?? error
  }
  const kept = withTolerantRollback(database, withStatementCache(database))
  return new Kysely<Schema>({ dialect: new SqliteDialect({ database: kept }) })
}

function refuseNewerSchema(database: Sqlite.Database, { file, isMoveTarget = false }: DatabaseOptions): void {
  const isMigrated = database.prepare("select 1 from sqlite_schema where name = 'kysely_migration'").get() !== undefined
  if (!isMigrated) return
  const applied = database.prepare<[], string>('select name from kysely_migration order by name').pluck().all()
  refuseForeign(file, isMoveTarget ? applied.filter((name) => name !== UNFINISHED_MOVE) : applied)
}

function refuseForeign(file: string | undefined, applied: readonly string[]): void {
  if (applied.includes(UNFINISHED_MOVE)) throw moveUnfinished(file)
  const known = knownMigrations()
  const unknown = applied.filter((name) => !known.includes(name))
  if (unknown.length > 0) throw schemaTooNew(file, unknown, known.at(-1) ?? 'none')
}

/** The names of all migrations of this version, in their order. */
export function knownMigrations(): string[] {
  const names = fs.readdirSync(MIGRATIONS).filter((name) => /(?<!\.d)\.[jt]s$/.test(name))
  return names.map((name) => path.parse(name).name).sort()
}

/**
 * Runs the migrations that the database has not seen yet, each in a transaction of its own.
 * @returns the names of those that ran.
 * @throws DatabaseUnusable
 */
export async function migrateToLatest(db: Database): Promise<string[]> {
  const provider = new FileMigrationProvider({ fs: fsp, path, migrationFolder: MIGRATIONS })
  const file = isPostgres(db) ? undefined : await fileOf(db)
  // A database of a newer version is left as it is; a file has been looked at when it was opened.
  if (file === undefined) refuseForeign(file, await appliedMigrations(db))
  const { error, results } = await new Migrator({ db, provider, disableTransactions: true }).migrateToLatest()
  if (error !== undefined) throw toUnusable(file, error) ?? error
  return (results ?? []).map((result) => result.migrationName)
}

/** The names of the migrations that the database has seen. @throws DatabaseUnusable when it cannot be read */
export async function appliedMigrations(db: Database): Promise<string[]> {
  try {
    if (!(await hasTable(db, 'kysely_migration'))) return []
    const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
    return rows.map(({ name }) => name)
  } catch (error) {
    throw (isPostgres(db) ? toUnusable(undefined, error) : undefined) ?? error
  }
}

async function fileOf(db: Database): Promise<string> {
  const { rows } = await sql<{ file: string }>`pragma database_list`.execute(db)
  return rows[0]?.file ?? ''
}
