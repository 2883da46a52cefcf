/**
 * What PostgreSQL knows of how large tables are. It finds that out by itself, but later, and never of temporary tables:
 * until then it plans for small ones, and sorts all files for each page of a scan. SQLite needs nothing of it.
 */
import { type Kysely, sql } from 'kysely'
import { isPostgres } from './dialect.ts'

/** Counts them now. */
// biome-ignore lint/suspicious/noExplicitAny: works on any schema.
export async function countRows(db: Kysely<any>, tables: readonly string[]): Promise<void> {
  if (!isPostgres(db)) return
  for (const table of tables) await sql`analyze ${sql.table(table)}`.execute(db)
}

/** Whether a table has by far more or fewer rows than when they were last counted. */
// biome-ignore lint/suspicious/noExplicitAny: works on any schema.
export async function hasOutgrown(db: Kysely<any>, table: string): Promise<boolean> {
  if (!isPostgres(db)) return false
  const { rows } = await sql<{ has_outgrown: number }>`
    select (abs(reltuples - (select count(*) from ${sql.table(table)})) > 50 + 0.2 * greatest(reltuples, 0))::int as has_outgrown
    from pg_class where oid = to_regclass(${table})`.execute(db)
  return rows[0]?.has_outgrown === 1
}
