/**
 * Whether rows of another table have the value of a column: either engine has a form in which it takes no time that
 * grows with both.
 */
import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { either } from './dialect.ts'

/** Which rows of another table are meant; there they are called `other`. Neither side may be null. */
export interface OtherRows {
  readonly table: string
  readonly column: string
  readonly where?: RawBuilder<SqlBool>
}

/**
 * Whether no row of another table has the value of a column. PostgreSQL joins them: its own `not in` puts all of the
 * other table into memory, and where that has no room it reads all of it again for each row.
 * @param column with the name of its table
 */
export function isNotIn(column: string, other: OtherRows): RawBuilder<SqlBool> {
  return either(
    sql<SqlBool>`${sql.ref(column)} not in (${valuesOf(other)})`,
    sql<SqlBool>`not exists (${rowsWith(column, other)})`
  )
}

/**
 * Whether a row of another table has the value of a column, for queries of few rows: each is looked up by itself,
 * however many PostgreSQL expects, and the other table is never read as a whole.
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
