/** How far a move has come; it is kept in the database that the depot is moved to, until all of it is there. */
import { type Kysely, sql } from 'kysely'
import { type Database, readIdentity } from '../engine/database.ts'
import { hasTable } from '../engine/dialect.ts'
import { appliedMigrations, knownMigrations, migrateToLatest, UNFINISHED_MOVE } from '../engine/migrations.ts'
import { durableTransaction } from '../engine/transactions.ts'
import { isEmptyTable } from './move-rows.ts'
import type { MovedTable } from './moved-tables.ts'

/** The depot that is moved. */
const DEPOT = 'depot'

/** Tables that have one row from the beginning. */
const BEGINNINGS: readonly string[] = ['catalog', 'identity', 'task_count']

/** What a database is to a depot that shall be moved there. */
export type MoveTarget = 'empty' | 'begun' | 'this depot' | 'of another version' | 'taken'

export interface MoveState {
  get(name: string): Promise<string | undefined>
  set(name: string, value: string): Promise<void>
}

/** @param identity of the depot that shall be moved */
export async function judgeTarget(db: Database, tables: readonly MovedTable[], identity: string): Promise<MoveTarget> {
  const applied = await appliedMigrations(db)
  if (applied.length === 0) return 'empty'
  const isBegun = applied.includes(UNFINISHED_MOVE)
  if (isBegun && (await stateOf(db).get(DEPOT)) !== identity) return 'taken'
  const known = knownMigrations()
  const schema = applied.filter((name) => name !== UNFINISHED_MOVE)
  // What the server would bring up to date is looked at as it is: it has been used.
  if (schema.length !== known.length || !schema.every((name) => known.includes(name))) return 'of another version'
  if (isBegun) return 'begun'
  if ((await readIdentity(db)) === identity) return 'this depot'
  return (await isUnused(db, tables)) ? 'empty' : 'taken'
}

/** Marks an empty database as one that a depot is being moved to: nobody else opens it from now on. */
export async function beginMove(db: Database, identity: string): Promise<void> {
  await migrateToLatest(db)
  await durableTransaction(db, async (trx) => {
    await trx.schema
      .createTable('store_move')
      .addColumn('name', 'text', (col) => col.primaryKey())
      .addColumn('value', 'text', (col) => col.notNull())
      .execute()
    await stateOf(trx).set(DEPOT, identity)
    for (const table of BEGINNINGS) await sql`delete from ${sql.table(table)}`.execute(trx)
    await sql`insert into kysely_migration (name, timestamp)
      values (${UNFINISHED_MOVE}, ${new Date().toISOString()})`.execute(trx)
  })
}

/** Opens the database to everybody. It is on the disk then, whole. */
export async function endMove(db: Database): Promise<void> {
  await durableTransaction(db, async (trx) => {
    await trx.schema.dropTable('store_move').execute()
    await sql`delete from kysely_migration where name = ${UNFINISHED_MOVE}`.execute(trx)
  })
}

/** @param db also a transaction */
export function stateOf(db: Kysely<never> | Database): MoveState {
  return {
    async get(name) {
      const { rows } = await sql<{ value: string }>`select value from store_move where name = ${name}`.execute(db)
      return rows[0]?.value
    },
    async set(name, value) {
      await sql`insert into store_move (name, value) values (${name}, ${value})
        on conflict (name) do update set value = excluded.value`.execute(db)
    }
  }
}

/** As migrations leave it. */
async function isUnused(db: Database, tables: readonly MovedTable[]): Promise<boolean> {
  for (const table of tables) {
    if (!BEGINNINGS.includes(table.name) && !(await isEmptyTable(db, table))) return false
  }
  const { read_at: readAt } = await db.selectFrom('catalog').select('read_at').executeTakeFirstOrThrow()
  return readAt === null && !(await hasTable(db, 'store_move'))
}
