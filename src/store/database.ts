/** Opens the database and brings it to the newest schema. Whoever opens it closes it, with `destroy()`. */
import { promises as fs } from 'node:fs'
import path from 'node:path'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { FileMigrationProvider, Migrator } from 'kysely/migration'
import type { Schema } from './schema.ts'
import { withStatementCache } from './statement-cache.ts'
import { withTolerantRollback } from './tolerant-rollback.ts'

const BUSY_TIMEOUT_MS = 15_000
const CACHE_KIB = 4_096

export interface DatabaseOptions {
  /** Path of the SQLite file, or `:memory:`. */
  readonly file: string
}

export type Depot = Kysely<Schema>

/**
 * A connection of its own. A thread has one and no more: SQLite lets one connection write at a time, and two in one thread
 * would wait for each other. What has to be on the disk goes through `durableTransaction`.
 */
export function openDatabase(options: DatabaseOptions): Depot {
  const database = new Database(options.file, { timeout: BUSY_TIMEOUT_MS })
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = NORMAL')
  database.pragma('foreign_keys = ON')
  database.pragma(`cache_size = -${CACHE_KIB}`)
  database.pragma(`temp.cache_size = -${CACHE_KIB}`)
  return new Kysely<Schema>({ dialect: new SqliteDialect({ database: withTolerantRollback(database, withStatementCache(database)) }) })
}

/**
 * Runs the migrations that the database has not seen yet, each in a transaction of its own.
 * @returns the names of those that ran.
 */
export async function migrateToLatest(db: Depot): Promise<string[]> {
  const migrationFolder = path.join(import.meta.dirname, '../../migrations')
  const migrator = new Migrator({ db, provider: new FileMigrationProvider({ fs, path, migrationFolder }) })
  const { error, results } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
  return (results ?? []).map((result) => result.migrationName)
}
