/** Temporary tables, and the statistics that PostgreSQL plans its queries with. */
import { type CreateTableBuilder, type Kysely, type RawBuilder, sql } from 'kysely'
import { either, isPostgres } from './dialect.ts'

/**
 * Creates an empty temporary table without nullable columns, replacing one of the same name. It belongs to the
 * connection: a lost connection loses the table.
 */
export async function createTemporary(
  // biome-ignore lint/suspicious/noExplicitAny: works on any schema.
  db: Kysely<any>,
  name: string,
  columns: Readonly<Record<string, 'integer' | 'text'>>,
  key: readonly string[]
): Promise<void> {
  await either(
    sql`drop table if exists temp.${sql.ref(name)}`,
    sql`drop table if exists pg_temp.${sql.ref(name)}`
  ).execute(db)
  let table: CreateTableBuilder<string, string> = db.schema.createTable(name).temporary()
  for (const [column, type] of Object.entries(columns)) table = table.addColumn(column, type, (col) => col.notNull())
  await table
    .addPrimaryKeyConstraint(`${name}_key`, [...key])
    .modifyEnd(sql`without rowid`)
    .execute()
}

/** A statement that creates an index of a temporary table unless it exists. */
export function indexTemporary(name: string, table: string, columns: readonly string[]): RawBuilder<unknown> {
  const list = sql.join(columns.map((column) => sql.ref(column)))
  return either(
    sql`create index if not exists temp.${sql.ref(name)} on ${sql.ref(table)} (${list})`,
    sql`create index if not exists ${sql.ref(name)} on ${sql.ref(table)} (${list})`
  )
}

/**
 * Updates the statistics of PostgreSQL now. Its own updates come later, and never for temporary tables: until then it
 * plans for small tables, and sorts all files for each page of a scan. SQLite needs no statistics.
 */
// biome-ignore lint/suspicious/noExplicitAny: works on any schema.
export async function analyzeTables(db: Kysely<any>, tables: readonly string[]): Promise<void> {
  if (!isPostgres(db)) return
  for (const table of tables) await sql`analyze ${sql.table(table)}`.execute(db)
}

/** Whether the number of rows differs by more than 50 and 20 % from the last statistics; false for SQLite. */
// biome-ignore lint/suspicious/noExplicitAny: works on any schema.
export async function hasOutgrown(db: Kysely<any>, table: string): Promise<boolean> {
  if (!isPostgres(db)) return false
  const { rows } = await sql<{ has_outgrown: number }>`
    select (abs(reltuples - (select count(*) from ${sql.table(table)})) > 50 + 0.2 * greatest(reltuples, 0))::int as has_outgrown
    from pg_class where oid = to_regclass(${table})`.execute(db)
  return rows[0]?.has_outgrown === 1
}
