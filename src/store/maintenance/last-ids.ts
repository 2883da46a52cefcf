/** The greatest ids that a database has used: no id is used again, not even after its row is deleted or moved. */
import { sql } from 'kysely'
import type { Database } from '../engine/database.ts'
import { isPostgres } from '../engine/dialect.ts'
import { NUMBERED_TABLES } from './moved-tables.ts'

export type LastIds = ReadonlyMap<(typeof NUMBERED_TABLES)[number], number>

/** The greatest id that was used, by table. */
export async function readLastIds(db: Database): Promise<LastIds> {
  const ids = new Map<(typeof NUMBERED_TABLES)[number], number>()
  for (const table of NUMBERED_TABLES) {
    const { rows } = await sql<{ id: number }>`select coalesce(max(id), 0) as id from ${sql.table(table)}`.execute(db)
    ids.set(table, Math.max(rows[0]?.id ?? 0, await lastUsed(db, table)))
  }
  return ids
}

/** Makes the database use greater ids from now on. */
export async function writeLastIds(db: Database, ids: LastIds): Promise<void> {
  for (const [table, id] of ids) {
    if (isPostgres(db)) {
      await sql`select setval(${await sequenceOf(db, table)}::regclass, ${Math.max(id, 1)}, ${id > 0})`.execute(db)
    } else {
      // Tables without a sequence use the id after the greatest existing one.
      await sql`delete from sqlite_sequence where name = ${table}`.execute(db)
      await sql`insert into sqlite_sequence (name, seq) select name, ${id} from sqlite_schema
        where type = 'table' and name = ${table} and sql like '%autoincrement%'`.execute(db)
    }
  }
}

async function lastUsed(db: Database, table: string): Promise<number> {
  const query = isPostgres(db)
    ? sql<{ id: number }>`select case when is_called then last_value else 0 end as id
        from ${sql.raw(await sequenceOf(db, table))}`
    : sql<{ id: number }>`select seq as id from sqlite_sequence where name = ${table}`
  return (await query.execute(db)).rows[0]?.id ?? 0
}

/** The name of the table's sequence, quoted for statements. */
async function sequenceOf(db: Database, table: string): Promise<string> {
  const { rows } = await sql<{ name: string }>`
    select pg_get_serial_sequence(quote_ident(${table}), 'id') as name
  `.execute(db)
  return rows[0]?.name ?? ''
}
