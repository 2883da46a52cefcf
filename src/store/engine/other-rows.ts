/**
 * Whether another table has rows with the value of a column. Each engine needs another form, so that the time does not
 * grow with the product of both tables.
 */
import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { either } from './dialect.ts'

/** Rows of another table, which `where` calls `other`. Neither column may be null. */
export interface OtherRows {
  readonly table: string
  readonly column: string
  readonly where?: RawBuilder<SqlBool>
}

/**
 * Whether no row of another table has the value of a column. PostgreSQL gets an anti-join: its `not in` loads the whole
 * other table into memory, and reads it again for each row if it does not fit.
 * @param column with the name of its table
 */
export function isNotIn(column: string, other: OtherRows): RawBuilder<SqlBool> {
  return either(
    sql<SqlBool>`${sql.ref(column)} not in (${valuesOf(other)})`,
    sql<SqlBool>`not exists (${rowsWith(column, other)})`
  )
}

/**
 * Whether a row of another table has the value of a column, for queries of few rows: the form makes PostgreSQL look up
 * each row, whatever number it expects, and never read the whole other table.
 * @param column with the name of its table
 */
export function isIn(column: string, other: OtherRows): RawBuilder<SqlBool> {
  return either(
    sql<SqlBool>`exists (${rowsWith(column, other)})`,
    sql<SqlBool>`(${rowsWith(column, other)} limit 1) is not null`
  )
}

function valuesOf({ table, column, where }: OtherRows): RawBuilder<unknown> {
  return sql`select ${sql.ref(`other.${column}`)} from ${sql.table(table)} as other${where === undefined ? sql`` : sql` where ${where}`}`
}

function rowsWith(column: string, { table, column: same, where = sql<SqlBool>`true` }: OtherRows): RawBuilder<unknown> {
  return sql`select true from ${sql.table(table)} as other where ${sql.ref(`other.${same}`)} = ${sql.ref(column)} and ${where}`
}
