/**
 * Statements that differ between SQLite and PostgreSQL. Where possible one text serves both; where not, both are here.
 * Connections are opened in `database.ts` and `postgres-dialect.ts`.
 */
import {
  ExpressionWrapper,
  type Kysely,
  type OperationNode,
  PostgresAdapter,
  type RawBuilder,
  type RawNode,
  type SqlBool,
  sql
} from 'kysely'
import { toText } from './postgres-values.ts'
import type { Schema } from './schema.ts'

// biome-ignore lint/suspicious/noExplicitAny: works on any schema.
type AnyDatabase = Pick<Kysely<any>, 'getExecutor'>

export function isPostgres(db: AnyDatabase): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}

/** A piece of SQL for SQLite that carries the same piece for PostgreSQL. */
interface EitherNode extends RawNode {
  readonly postgres: OperationNode
}

/** One piece of SQL for each engine: the compiler of an engine takes its own piece and never visits the other one. */
export function either<T>(sqlite: RawBuilder<T>, postgres: RawBuilder<T>): RawBuilder<T> {
  const node = { ...sqlite.toOperationNode(), postgres: postgres.toOperationNode() } as EitherNode
  return sql<T>`${new ExpressionWrapper(node)}`
}

/** The node that PostgreSQL's compiler visits instead of this one; undefined when the node is for both engines. */
export function postgresNode(node: RawNode): OperationNode | undefined {
  return (node as Partial<EitherNode>).postgres
}

/** Whether a column or an expression has one of these values; there may be any number of them. */
export function isAmong(operand: string | RawBuilder<unknown>, values: Iterable<number | string>): RawBuilder<SqlBool> {
  const expression = typeof operand === 'string' ? sql.ref(operand) : operand
  const list = [...values]
  return either(
    sql<SqlBool>`${expression} in (select value from json_each(${JSON.stringify(list)}))`,
    sql<SqlBool>`${expression} = any(${list})`
  )
}

/** Whether two columns have one of these pairs of texts as values. */
export function isPairAmong(columns: readonly [string, string], pairs: readonly (readonly [string, string])[]) {
  const operands = sql`(${sql.ref(columns[0])}, ${sql.ref(columns[1])})`
  const [firsts, seconds] = [pairs.map(([first]) => first), pairs.map(([, second]) => second)]
  return either(
    sql<SqlBool>`${operands} in (select value ->> 0, value ->> 1 from json_each(${JSON.stringify(pairs)}))`,
    sql<SqlBool>`${operands} in (select * from unnest(${firsts}::text[], ${seconds}::text[]))`
  )
}

/** The index of a column's number in a list, counted from 0. */
export function indexIn(list: readonly number[], column: string): RawBuilder<number> {
  return either(
    sql<number>`(select key from json_each(${JSON.stringify(list)}) where value = ${sql.ref(column)})`,
    sql<number>`(array_position(${list}::bigint[], ${sql.ref(column)}) - 1)`
  )
}

/** Rows as a query, passed as one JSON text, to insert into a table. */
export function selectRows<Row extends object>(
  db: AnyDatabase,
  table: string,
  columns: readonly (keyof Row & string)[],
  rows: readonly Row[]
): RawBuilder<unknown> {
  if (!isPostgres(db)) {
    const values = sql.join(columns.map((_, index) => sql`value ->> ${sql.lit(index)}`))
    return sql`select ${values} from json_each(${JSON.stringify(rows.map((row) => columns.map((column) => row[column])))})`
  }
  const toValue = (value: unknown) => (typeof value === 'string' ? toText(value) : value)
  const objects = rows.map((row) => Object.fromEntries(columns.map((column) => [column, toValue(row[column])])))
  const names = sql.join(columns.map((column) => sql.ref(column)))
  return sql`select ${names} from json_populate_recordset(null::${sql.table(table)}, ${JSON.stringify(objects)})`
}

/** The greater one of a column and a number. */
export function greatest(column: string, value: number): RawBuilder<number> {
  return either(sql`max(${sql.ref(column)}, ${value})`, sql`greatest(${sql.ref(column)}, ${value})`)
}

/** Whether a text contains this part, literally: it has no wildcards. */
export function contains(text: RawBuilder<string>, part: string): RawBuilder<SqlBool> {
  return either(sql`instr(${text}, ${part}) > 0`, sql`strpos(${text}, ${part}) > 0`)
}

/** Whether a text begins with `start`, literally, ignoring the case of ASCII letters. */
export function beginsWith(column: string, start: string): RawBuilder<SqlBool> {
  const text = sql.ref(column)
  return either(
    sql`lower(substr(${text}, 1, length(${start}))) = lower(${start})`,
    sql`lower(substr(${text}, 1, length(${start}::text))) = lower(${start}::text collate "C")`
  )
}

/** A column to group by. SQLite then uses the index of the condition instead of one of the groups. */
export function groupOf(column: string): RawBuilder<unknown> {
  return either(sql`+${sql.ref(column)}`, sql.ref(column) as unknown as RawBuilder<unknown>)
}

/** The limit of a query that skips rows and returns all the others. */
export const NO_LIMIT = either<number>(sql`-1`, sql`all`)

/** Locks the row to claim and skips rows that another connection is claiming; SQLite has only one writer. */
export const UNLESS_LOCKED = either<never>(sql``, sql`for update skip locked`)

/** The names of the enabled triggers of a table. */
export async function triggersOf(db: Kysely<Schema>, table: string): Promise<string[]> {
  const { rows } = await either<{ name: string }>(
    sql`select name from sqlite_schema where type = 'trigger' and tbl_name = ${table}`,
    sql`select tgname as name from pg_trigger where tgrelid = to_regclass(${table}) and tgenabled in ('O', 'A')`
  ).execute(db)
  return rows.map(({ name }) => name)
}

export async function hasTable(db: Kysely<Schema>, name: string): Promise<boolean> {
  const { rows } = await either(
    sql`select 1 from sqlite_schema where name = ${name}`,
    sql`select 1 where to_regclass(${name}) is not null`
  ).execute(db)
  return rows.length > 0
}
