/** Brings a database to the newest schema, and refuses one that this version must not write to. */
import fs, { promises as fsp } from 'node:fs'
import path from 'node:path'
import { type Kysely, sql } from 'kysely'
import { FileMigrationProvider, Migrator } from 'kysely/migration'
import { moveUnfinished, schemaTooNew, toUnusable } from './database-unusable.ts'
import { hasTable, isPostgres } from './dialect.ts'
import type { Schema } from './schema.ts'

const MIGRATIONS = path.join(import.meta.dirname, '../../../migrations')

/**
 * The name of a migration that marks the target of an unfinished move of a depot: every program refuses an unknown
 * migration.
 */
export const UNFINISHED_MOVE = 'unfinished-move'

/** The names of all migrations of this version, in their order. */
export function knownMigrations(): string[] {
  const names = fs.readdirSync(MIGRATIONS).filter((name) => /(?<!\.d)\.[jt]s$/.test(name))
  return names.map((name) => path.parse(name).name).sort()
}

/**
 * Runs the migrations that the database does not have yet, each in its own transaction.
 * @returns the names of the migrations that ran
 * @throws DatabaseUnusable
 */
export async function migrateToLatest(db: Kysely<Schema>): Promise<string[]> {
  const provider = new FileMigrationProvider({ fs: fsp, path, migrationFolder: MIGRATIONS })
  const file = isPostgres(db) ? undefined : await fileOf(db)
  // A SQLite file was checked when it was opened.
  if (file === undefined) refuseForeignSchema(file, await appliedMigrations(db))
  const { error, results } = await new Migrator({ db, provider, disableTransactions: true }).migrateToLatest()
  if (error !== undefined) throw toUnusable(file, error) ?? error
  return (results ?? []).map((result) => result.migrationName)
}

/** The names of the migrations that the database has. @throws DatabaseUnusable when it cannot be read */
export async function appliedMigrations(db: Kysely<Schema>): Promise<string[]> {
  try {
    if (!(await hasTable(db, 'kysely_migration'))) return []
    const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
    return rows.map(({ name }) => name)
  } catch (error) {
    throw (isPostgres(db) ? toUnusable(undefined, error) : undefined) ?? error
  }
}

/**
 * Refuses the schema of a newer version, and a database that a depot is being moved into.
 * @param file undefined for a database in PostgreSQL
 * @param applied the names of the migrations that the database has, in their order
 * @throws DatabaseUnusable
 */
export function refuseForeignSchema(file: string | undefined, applied: readonly string[]): void {
  if (applied.includes(UNFINISHED_MOVE)) throw moveUnfinished(file)
  const known = knownMigrations()
  const unknown = applied.filter((name) => !known.includes(name))
  if (unknown.length > 0) throw schemaTooNew(file, unknown, known.at(-1) ?? 'none')
}

async function fileOf(db: Kysely<Schema>): Promise<string> {
  const { rows } = await sql<{ file: string }>`pragma database_list`.execute(db)
  return rows[0]?.file ?? ''
}
