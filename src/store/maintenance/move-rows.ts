/** Moves rows from one database to another, a page at a time, and tells whether both have the same. */
import { createHash } from 'node:crypto'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { bulkInsert } from '../engine/bulk-insert.ts'
import type { Database } from '../engine/database.ts'
import { toText } from '../engine/postgres-values.ts'
import type { AnyRow, MovedTable } from './moved-tables.ts'

/** Rows of one statement; such as have what a metadata file says are long. */
const PAGE = 500

/** What a table holds, in the same words on each engine. */
export interface TableSum {
  readonly rows: number
  /** SHA-256 of all its rows, lower-case hex. */
  readonly digest: string
}

/**
 * Moves the rows that are not there yet. Pages are written whole, in the order of the key: the greatest key that is
 * there tells where to go on after an interruption.
 * @param target typed as anything: its columns are those of the source
 */
export async function moveTable(source: Database, target: Database, table: MovedTable): Promise<void> {
  for await (const page of pagesOf(source, table, await lastRow(target, table))) {
    const rows = page.map((row) => movedRow(table, row))
    const [first] = rows
    if (first !== undefined) await bulkInsert(target, table.name, Object.keys(first), rows)
  }
}

/** What the rows of the source are once they are moved. */
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

/** Columns by their names, and texts as PostgreSQL can have them: that is the same on both engines. */
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
  const behind = (row: AnyRow): RawBuilder<unknown> =>
    sql`where (${columns}) > (${sql.join(key.map((column) => row[column]))})`
  for (let after = from, more = true; more; ) {
    const where = after === undefined ? sql`` : behind(after)
    const { rows } = await sql<AnyRow>`
      select * from ${sql.table(name)} ${where} order by ${columns} limit ${PAGE}
    `.execute(db)
    if (rows.length > 0) yield rows
    after = rows.at(-1) ?? after
    more = rows.length === PAGE
  }
}
