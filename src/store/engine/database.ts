/** Opens the database. The caller closes it with `destroy()`. */
import fs from 'node:fs'
import Sqlite from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { checkDirectoryOf, DatabaseUnusable, toUnusable } from './database-unusable.ts'
import { refuseForeignSchema, UNFINISHED_MOVE } from './migrations.ts'
import { createPostgresDialect } from './postgres-dialect.ts'
import type { Schema } from './schema.ts'
import { withStatementCache, withTolerantRollback } from './sqlite-statements.ts'

export type Database = Kysely<Schema>

const BUSY_TIMEOUT_MS = 15_000
const CACHE_KIB = 4_096

/** Where the state of a depot is stored. */
export interface DatabaseLocation {
  /** Path of the SQLite file. */
  readonly databaseFile: string
  /** URL of a PostgreSQL database, which is used instead of the file. */
  readonly databaseUrl?: string | undefined
  /** The server that connects to PostgreSQL. */
  readonly owner?: string | undefined
}

export interface DatabaseOptions {
  /** Path of the SQLite file, or `:memory:`. */
  readonly file: string
  /** Opens a database that a depot is being moved into; it is refused otherwise until the move is complete. */
  readonly isMoveTarget?: boolean
  /** The database is not needed after a crash, so that no write waits for the disk. */
  readonly isTemporary?: boolean
}

/**
 * Opens the database of a depot. PostgreSQL is connected to with the first statement.
 * @param connections maximum number of connections to PostgreSQL; temporary tables need 1
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

/** Opens the database of a depot to inspect it; see `openReadOnly`. @throws DatabaseUnusable */
export function openDepotReadOnly(location: DatabaseLocation): Database {
  return location.databaseUrl === undefined ? openReadOnly(location.databaseFile) : openDepotDatabase(location)
}

/**
 * Opens a SQLite file with one connection. A thread opens no more than one: SQLite has one writer at a time, and two
 * connections of a thread would wait for each other. Durable writes use `durableTransaction`.
 * @throws DatabaseUnusable
 */
export function openDatabase(options: DatabaseOptions): Database {
  return connect(options.file, {}, (database) => {
    // Before the first write: the database of a newer version must not change.
    refuseNewerSchema(database, options)
    database.pragma(`journal_mode = ${options.isTemporary ? 'MEMORY' : 'WAL'}`)
    database.pragma(`synchronous = ${options.isTemporary ? 'OFF' : 'NORMAL'}`)
    database.pragma('foreign_keys = ON')
  })
}

/**
 * Opens an existing SQLite file to inspect it, even beside a running server. The caller writes to temporary tables
 * only.
 * @throws DatabaseUnusable
 */
export function openReadOnly(file: string): Database {
  if (!fs.existsSync(file)) throw new DatabaseUnusable(`There is no database at ${file}.`)
  // A read-only connection must create the files of the log and leaves them behind. A writable connection removes them
  // again, but would copy into the database what a killed server has left in its log.
  const logBytes = fs.statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0
  return connect(file, { readonly: logBytes > 0, fileMustExist: true }, (database) => {
    // SQLite reads nothing before the first statement, not even the first page.
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
  const wrapped = withTolerantRollback(database, withStatementCache(database))
  return new Kysely<Schema>({ dialect: new SqliteDialect({ database: wrapped }) })
}

function refuseNewerSchema(database: Sqlite.Database, { file, isMoveTarget = false }: DatabaseOptions): void {
  const isMigrated = database.prepare("select 1 from sqlite_schema where name = 'kysely_migration'").get() !== undefined
  if (!isMigrated) return
  const applied = database.prepare<[], string>('select name from kysely_migration order by name').pluck().all()
  refuseForeignSchema(file, isMoveTarget ? applied.filter((name) => name !== UNFINISHED_MOVE) : applied)
}

/** The UUID of this depot: created with its database, and never changed. */
export async function readIdentity(db: Database): Promise<string> {
  const { uuid } = await db.selectFrom('identity').select('uuid').executeTakeFirstOrThrow()
  return uuid
}
