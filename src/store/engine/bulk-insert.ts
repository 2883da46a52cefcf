/** Statements for many values: rows to insert, and lists that are split into several statements. */
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { selectRows } from './dialect.ts'

/** Rows per statement: a larger number is not faster. */
const ROWS_PER_STATEMENT = 2_000

/** Values per statement: a statement takes about 32,000 parameters, and a row needs several. */
const CHUNK = 500

/**
 * Inserts many rows with few statements of one shape. The rows are passed as one JSON text: a statement with a
 * parameter for every value costs ten times as much to build and to prepare.
 * @param columns the members of a row to insert; they have the names of the columns
 * @param conflict an `on conflict …` clause; without it, an existing row is an error
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
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    const source = selectRows(db, table, columns, rows.slice(start, start + ROWS_PER_STATEMENT))
    // `where true` keeps the parser from taking `on conflict` for a join.
    await sql`insert into ${sql.table(table)} (${names}) ${source} where true ${conflict}`.execute(db)
  }
}

/** Splits the items into lists that fit into one statement each. */
export function* chunks<T>(items: readonly T[]): Generator<T[]> {
  for (let start = 0; start < items.length; start += CHUNK) yield items.slice(start, start + CHUNK)
}
