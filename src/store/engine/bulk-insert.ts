import { type Kysely, type RawBuilder, sql } from 'kysely'
import { selectRows } from './dialect.ts'

/** Rows of one statement: more would not make it faster. */
const PORTION = 2_000

/**
 * Inserts many rows with few statements of one shape. The rows go in as one JSON text: a statement with a parameter for
 * every value costs ten times as much to build and to prepare.
 * @param columns the row's members to insert; they are named as the columns
 * @param conflict what to do with rows that are there already, `on conflict …`; by default it is an error
 */
export async function bulkInsert<Row extends object>(
  // biome-ignore lint/suspicious/noExplicitAny: works on any schema; the columns are checked against the row.
  db: Kysely<any>,
  table: string,
  columns: readonly (keyof Row & string)[],
  rows: readonly Row[],
  conflict: RawBuilder<unknown> = sql``
): Promise<void> {
  const names = sql.join(columns.map((column) => sql.ref(column)))
  for (let start = 0; start < rows.length; start += PORTION) {
    const source = selectRows(db, table, columns, rows.slice(start, start + PORTION))
    // `where true` keeps the parser from taking `on conflict` for a join.
    await sql`insert into ${sql.table(table)} (${names}) ${source} where true ${conflict}`.execute(db)
  }
}
