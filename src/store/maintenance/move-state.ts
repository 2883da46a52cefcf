/** The progress of a move of a depot; it is stored in the target database until the move is complete. */
import { type Kysely, sql } from 'kysely'
import { type Database, readIdentity } from '../engine/database.ts'
import { hasTable } from '../engine/dialect.ts'
import { appliedMigrations, knownMigrations, migrateToLatest, UNFINISHED_MOVE } from '../engine/migrations.ts'
import { durableTransaction } from '../engine/transactions.ts'
import { isEmptyTable } from './move-rows.ts'
import type { MovedTable } from './moved-tables.ts'

/** Name of the state with the identity of the depot. */
const DEPOT = 'depot'

/** Tables whose one row is inserted by the migrations. */
const ONE_ROW_TABLES: readonly string[] = ['catalog', 'identity', 'task_count']

/** What a database contains, for the depot that is to be moved into it. */
export type MoveTarget = 'empty' | 'begun' | 'this depot' | 'of another version' | 'taken'

export interface MoveState {
  get(name: string): Promise<string | undefined>
  set(name: string, value: string): Promise<void>
}

/** @param identity of the depot that is to be moved */
export async function judgeTarget(db: Database, tables: readonly MovedTable[], identity: string): Promise<MoveTarget> {
  const applied = await appliedMigrations(db)
  if (applied.length === 0) return 'empty'
  const isBegun = applied.includes(UNFINISHED_MOVE)
  if (isBegun && (await stateOf(db).get(DEPOT)) !== identity) return 'taken'
  const known = knownMigrations()
  const schema = applied.filter((name) => name !== UNFINISHED_MOVE)
  // A database without all migrations was used by another version.
  if (schema.length !== known.length || !schema.every((name) => known.includes(name))) return 'of another version'
  if (isBegun) return 'begun'
  if ((await readIdentity(db)) === identity) return 'this depot'
  return (await isUnused(db, tables)) ? 'empty' : 'taken'
}

/** Marks an empty database as the target of a move: other programs refuse to open it from now on. */
export async function beginMove(db: Database, identity: string): Promise<void> {
  await migrateToLatest(db)
  await durableTransaction(db, async (trx) => {
    await trx.schema
      .createTable('store_move')
      .addColumn('name', 'text', (col) => col.primaryKey())
      .addColumn('value', 'text', (col) => col.notNull())
      .execute()
    await stateOf(trx).set(DEPOT, identity)
    for (const table of ONE_ROW_TABLES) await sql`delete from ${sql.table(table)}`.execute(trx)
    await sql`insert into kysely_migration (name, timestamp)
      values (${UNFINISHED_MOVE}, ${new Date().toISOString()})`.execute(trx)
  })
}

/** Ends the move: the database is complete and durable, and other programs can open it. */
export async function endMove(db: Database): Promise<void> {
  await durableTransaction(db, async (trx) => {
    await trx.schema.dropTable('store_move').execute()
    await sql`delete from kysely_migration where name = ${UNFINISHED_MOVE}`.execute(trx)
  })
}

/** @param db the connection or a transaction */
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

/** Whether the database is as the migrations have created it. */
async function isUnused(db: Database, tables: readonly MovedTable[]): Promise<boolean> {
  for (const table of tables) {
    if (!ONE_ROW_TABLES.includes(table.name) && !(await isEmptyTable(db, table))) return false
  }
  const { read_at: readAt } = await db.selectFrom('catalog').select('read_at').executeTakeFirstOrThrow()
  return readAt === null && !(await hasTable(db, 'store_move'))
}
