/** Moves rows from one database to another in pages, and compares both databases. */
import { createHash } from 'node:crypto'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { bulkInsert } from '../engine/bulk-insert.ts'
import type { Database } from '../engine/database.ts'
import { toText } from '../engine/postgres-values.ts'
import type { AnyRow, MovedTable } from './moved-tables.ts'

/** Rows per statement; rows with the content of a metadata file are long. */
const PAGE = 500

/** The content of a table, equal on both engines. */
export interface TableSum {
  readonly rows: number
  /** SHA-256 of all its rows, lower-case hex. */
  readonly digest: string
}

/**
 * Moves the rows that the target does not have yet. Each page is written in one statement, in the order of the key:
 * after an interruption, the move continues after the greatest key in the target.
 */
export async function moveTable(source: Database, target: Database, table: MovedTable): Promise<void> {
  for await (const page of pagesOf(source, table, await lastRow(target, table))) {
    const rows = page.map((row) => movedRow(table, row))
    const [first] = rows
    if (first !== undefined) await bulkInsert(target, table.name, Object.keys(first), rows)
  }
}

/** The sum of the rows of the source as they are after the move. */
export function sumOfSource(db: Database, table: MovedTable): Promise<TableSum> {
  return sumOf(db, table, (row) => movedRow(table, row))
}

export function sumOfTarget(db: Database, table: MovedTable): Promise<TableSum> {
  return sumOf(db, table, (row) => row)
}

export async function isEmptyTable(db: Database, { name }: MovedTable): Promise<boolean> {
  const { rows } = await sql`select 1 from ${sql.table(name)} limit 1`.execute(db)
  return rows.length === 0
}

function movedRow({ toMoved }: MovedTable, row: AnyRow): AnyRow {
  return toMoved === undefined ? row : toMoved(row)
}

/** Columns are sorted by name, and texts are as PostgreSQL stores them: so both engines have the same sum. */
async function sumOf(db: Database, table: MovedTable, toRow: (row: AnyRow) => AnyRow): Promise<TableSum> {
  const hash = createHash('sha256')
  let count = 0
  for await (const page of pagesOf(db, table)) {
    const columns = Object.keys(page[0] ?? {}).sort()
    for (const row of page.map(toRow)) {
      const values = columns
        .map((column) => row[column])
        .map((value) => (typeof value === 'string' ? toText(value) : value))
      hash.update(`${JSON.stringify(values)}\n`)
      count += 1
    }
  }
  return { rows: count, digest: hash.digest('hex') }
}

async function lastRow(db: Database, { name, key }: MovedTable): Promise<AnyRow | undefined> {
  const order = sql.join(key.map((column) => sql`${sql.ref(column)} desc`))
  const { rows } = await sql<AnyRow>`select * from ${sql.table(name)} order by ${order} limit 1`.execute(db)
  return rows[0]
}

async function* pagesOf(
  db: Kysely<never> | Database,
  { name, key }: MovedTable,
  from?: AnyRow
): AsyncGenerator<AnyRow[]> {
  const columns = sql.join(key.map((column) => sql.ref(column)))
  const isAfter = (row: AnyRow): RawBuilder<unknown> =>
    sql`where (${columns}) > (${sql.join(key.map((column) => row[column]))})`
  for (let after = from, more = true; more; ) {
    const where = after === undefined ? sql`` : isAfter(after)
    const { rows } = await sql<AnyRow>`
      select * from ${sql.table(name)} ${where} order by ${columns} limit ${PAGE}
    `.execute(db)
    if (rows.length > 0) yield rows
    after = rows.at(-1) ?? after
    more = rows.length === PAGE
  }
}
