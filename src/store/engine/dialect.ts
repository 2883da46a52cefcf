/**
 * What differs between SQLite and PostgreSQL in statements. Wherever it can be, one text serves both; where it cannot,
 * both stand here. How connections are opened is in `database.ts` and `postgres-dialect.ts`.
 */
import {
  CompiledQuery,
  type CreateTableBuilder,
  ExpressionWrapper,
  type Kysely,
  type OperationNode,
  PostgresAdapter,
  type RawBuilder,
  type RawNode,
  type SqlBool,
  sql,
  type Transaction
} from 'kysely'
import { toText } from './postgres-pool.ts'
import type { Schema } from './schema.ts'

// biome-ignore lint/suspicious/noExplicitAny: works on any schema.
type AnyDatabase = Pick<Kysely<any>, 'getExecutor'>

export function isPostgres(db: AnyDatabase): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}

/** A piece of SQL for SQLite that knows how PostgreSQL has it. */
interface EitherNode extends RawNode {
  readonly postgres: OperationNode
}

/**
 * One piece of SQL for each engine: whoever compiles the statement takes its own, and pays nothing for the other one.
 */
export function either<T>(sqlite: RawBuilder<T>, postgres: RawBuilder<T>): RawBuilder<T> {
  const node = { ...sqlite.toOperationNode(), postgres: postgres.toOperationNode() } as EitherNode
  return sql<T>`${new ExpressionWrapper(node)}`
}

/** For PostgreSQL's compiler: what it takes instead of this node, if anything. */
export function postgresNode(node: RawNode): OperationNode | undefined {
  return (node as Partial<EitherNode>).postgres
}

/** Whether a column or an expression has one of these values, of which there may be any number. */
export function isAmong(what: string | RawBuilder<unknown>, values: Iterable<number | string>): RawBuilder<SqlBool> {
  const operand = typeof what === 'string' ? sql.ref(what) : what
  const list = [...values]
  return either(
    sql<SqlBool>`${operand} in (select value from json_each(${JSON.stringify(list)}))`,
    sql<SqlBool>`${operand} = any(${list})`
  )
}

/** The same for two columns, and pairs of texts. */
export function isPairAmong(columns: readonly [string, string], pairs: readonly (readonly [string, string])[]) {
  const operands = sql`(${sql.ref(columns[0])}, ${sql.ref(columns[1])})`
  const [firsts, seconds] = [pairs.map(([first]) => first), pairs.map(([, second]) => second)]
  return either(
    sql<SqlBool>`${operands} in (select value ->> 0, value ->> 1 from json_each(${JSON.stringify(pairs)}))`,
    sql<SqlBool>`${operands} in (select * from unnest(${firsts}::text[], ${seconds}::text[]))`
  )
}

/** Where a number stands in a list, counted from 0. */
export function placeIn(list: readonly number[], what: string): RawBuilder<number> {
  return either(
    sql<number>`(select key from json_each(${JSON.stringify(list)}) where value = ${sql.ref(what)})`,
    sql<number>`(array_position(${list}::bigint[], ${sql.ref(what)}) - 1)`
  )
}

/** Rows as a query, to be inserted into a table: they are one JSON text. */
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

/** Whether a text has this part; nothing in it stands for anything else. */
export function contains(text: RawBuilder<string>, part: string): RawBuilder<SqlBool> {
  return either(sql`instr(${text}, ${part}) > 0`, sql`strpos(${text}, ${part}) > 0`)
}

/** Whether a text begins like this, in any case of ASCII; nothing in it stands for anything else. */
export function beginsWith(column: string, start: string): RawBuilder<SqlBool> {
  const text = sql.ref(column)
  return either(
    sql`lower(substr(${text}, 1, length(${start}))) = lower(${start})`,
    sql`lower(substr(${text}, 1, length(${start}::text))) = lower(${start}::text collate "C")`
  )
}

/** A column as a group, so that SQLite takes the index of the condition, and not one of the groups. */
export function groupOf(column: string): RawBuilder<unknown> {
  return either(sql`+${sql.ref(column)}`, sql.ref(column) as unknown as RawBuilder<unknown>)
}

/** For a query that skips rows, and takes all that are left. */
export const NO_LIMIT = either<number>(sql`-1`, sql`all`)

/**
 * Locks a row that is to be claimed, and passes by those that somebody else claims just now; SQLite has one writer at a
 * time.
 */
export const UNLESS_LOCKED = either<never>(sql``, sql`for update skip locked`)

/**
 * Makes a temporary table, empty, none of whose values may be missing. It belongs to the connection: when that is lost,
 * the table is gone with it.
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

/** Makes an index of a temporary table, unless it is there. */
export function indexTemporary(name: string, table: string, columns: readonly string[]): RawBuilder<unknown> {
  const list = sql.join(columns.map((column) => sql.ref(column)))
  return either(
    sql`create index if not exists temp.${sql.ref(name)} on ${sql.ref(table)} (${list})`,
    sql`create index if not exists ${sql.ref(name)} on ${sql.ref(table)} (${list})`
  )
}

const DATA_VERSION = CompiledQuery.raw(
  'select data_version as foreign_commits, total_changes() as own from pragma_data_version'
)
const SNAPSHOT = CompiledQuery.raw('select pg_current_snapshot()::text as foreign_commits, 0 as own')

/** Two values, one of which changes with whatever is written to the database. */
export interface Writes {
  /** Changes with every commit of another connection. */
  readonly foreign: number | string
  /** Rows that this connection has changed. */
  readonly own: number
}

/** Takes a tenth of the time of a small query. In PostgreSQL, snapshots that are equal see equal data. */
export async function writesSoFar(db: AnyDatabase & Pick<Kysely<Schema>, 'executeQuery'>): Promise<Writes> {
  const { rows } = await db.executeQuery<{ foreign_commits: number | string; own: number }>(
    isPostgres(db) ? SNAPSHOT : DATA_VERSION
  )
  return { foreign: rows[0]?.foreign_commits ?? 0, own: rows[0]?.own ?? 0 }
}

/**
 * Changes when another connection has changed the data that plans are made of. SQLite counts all commits of others. In
 * PostgreSQL every change of the catalog changes its one row.
 */
const CATALOG_VERSION = either<string>(
  sql`(select data_version from pragma_data_version)`,
  sql`(select xmin::text from catalog)`
)

export async function catalogVersion(db: Kysely<Schema>): Promise<number | string> {
  const { rows } = await sql<{ version: number | string }>`select ${CATALOG_VERSION} as version`.execute(db)
  return rows[0]?.version ?? ''
}

/**
 * Gives this transaction the right to write, for which others wait. In SQLite this is a write of nothing (BEGIN
 * IMMEDIATE, for which Kysely has no word), in PostgreSQL a lock that ends with the transaction: rows of its own are no
 * match for what is counted and compared here before it is written.
 */
// biome-ignore lint/suspicious/noExplicitAny: works on any schema.
export async function takeWriteLock(trx: Transaction<any>): Promise<void> {
  await either(
    sql`delete from task where id < 0`,
    sql`select pg_advisory_xact_lock(hashtext('fixdepot writes'), hashtext(current_schema()))`
  ).execute(trx)
}

/** The time of a durable transaction; connections to PostgreSQL wait for the disk with each of their commits. */
export async function setSynchronous(connection: Kysely<Schema>, mode: 'full' | 'normal'): Promise<void> {
  if (!isPostgres(connection)) await sql`pragma synchronous = ${sql.raw(mode)}`.execute(connection)
}

/** What fails in here is as if it had not been tried; in PostgreSQL it would take the whole transaction with it. */
export async function attempt(trx: Transaction<Schema>, work: () => Promise<void>): Promise<void> {
  if (!isPostgres(trx)) return work()
  await sql`savepoint attempt`.execute(trx)
  try {
    await work()
  } catch (error) {
    await sql`rollback to savepoint attempt`.execute(trx)
    throw error
  }
}

/** The names of the triggers of a table that are not switched off. */
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
