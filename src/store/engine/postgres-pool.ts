/**
 * Connections to PostgreSQL as Kysely wants them. A connection that is lost ends what is under way on it with an error
 * that says so, and the next statement gets a new one.
 */
import type { Client, ClientConfig, CustomTypesConfig, Pool, PoolClient, QueryResult } from 'pg'
import { toPostgresError } from './postgres-error.ts'

const CONNECT_TIMEOUT_MS = 10_000
const KEEP_ALIVE_DELAY_MS = 10_000

/**
 * What holds on every connection. Locks are waited for as long as SQLite's are. Anti-joins over whole catalogs want
 * memory, or they look through one table for each row of the other. Rows are mostly in memory, or on a disk without a
 * head; and helpers of a query take tens of milliseconds to come, which only those are worth that read whole catalogs.
 * Commits are on the disk when they are answered, also where the server's default says otherwise.
 */
const SESSION = `select
  set_config('lock_timeout', '15s', false),
  set_config('idle_in_transaction_session_timeout', '5min', false),
  set_config('work_mem', '64MB', false),
  set_config('jit', 'off', false),
  set_config('random_page_cost', '1.1', false),
  set_config('parallel_setup_cost', '20000', false),
  set_config('default_transaction_isolation', 'read committed', false),
  set_config('synchronous_commit',
    case current_setting('synchronous_commit') when 'off' then 'on' else current_setting('synchronous_commit') end, false)`

const [INT8, NUMERIC] = [20, 1700]

/** Whole numbers are numbers, as in SQLite: none is greater than 2^53. So are sums of them. */
export const types: CustomTypesConfig = {
  getTypeParser(oid: number) {
    return (text: string) => (oid === INT8 || oid === NUMERIC || FURTHER_NUMBERS.has(oid) ? Number(text) : text)
  }
} as CustomTypesConfig

/** int2, int4, float4, float8. */
const FURTHER_NUMBERS: ReadonlySet<number> = new Set([21, 23, 700, 701])

export interface PostgresLocation {
  /** `postgres://user:password@host/database` */
  readonly url: string
  /** The server that connects, for those that watch it. */
  readonly owner?: string | undefined
  /** How many there are at most. Temporary tables need one that is alone. */
  readonly connections: number
}

/** One statement after the other. */
export interface PostgresClient {
  query<Row>(text: string, parameters: readonly unknown[]): Promise<QueryResult & { rows: Row[]; rowCount: number }>
  release(destroy?: boolean): void
}

/** What PostgreSQL calls the connections of a server. */
export function applicationOf(owner: string | undefined): string {
  return owner === undefined ? 'fixdepot' : `fixdepot ${owner}`
}

/** Loads the driver, and connects to nothing yet. */
export async function createPostgresPool({ url, connections, owner }: PostgresLocation) {
  const { Pool, Client } = await import('pg')
  // The pool has an option of this name too, and means by it the time that somebody waits for somebody else's
  // connection.
  class PatientClient extends Client {
    constructor(config: ClientConfig = {}) {
      super({ ...config, connectionTimeoutMillis: CONNECT_TIMEOUT_MS })
    }
  }
  const pool = new Pool({
    Client: PatientClient as unknown as new () => Client,
    connectionString: url,
    application_name: applicationOf(owner),
    max: connections,
    idleTimeoutMillis: 0,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    types
  })
  // Whoever uses the connection is told by the statement.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const known = new WeakMap<PoolClient, PostgresClient>()
  let made = 0

  async function prepare(client: PoolClient): Promise<PostgresClient> {
    try {
      await client.query(SESSION)
    } catch (error) {
      client.release(true)
      throw toPostgresError(error)
    }
    made += 1
    const wrapped = wrap(client, connections === 1 && made > 1)
    known.set(client, wrapped)
    return wrapped
  }

  return {
    options: {},
    async connect(): Promise<PostgresClient> {
      const client = await connectFrom(pool)
      return known.get(client) ?? prepare(client)
    },
    end: () => pool.end()
  }
}

async function connectFrom(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect()
  } catch (error) {
    throw toPostgresError(error)
  }
}

function wrap(client: PoolClient, isLaterConnection: boolean): PostgresClient {
  let isBroken = false
  return {
    async query<Row>(text: string, parameters: readonly unknown[]) {
      try {
        return (await client.query(text, parameters.map(toParameter))) as QueryResult & {
          rows: Row[]
          rowCount: number
        }
      } catch (error) {
        const lastError = toPostgresError(error, isLaterConnection)
        if (text !== 'rollback') throw lastError
        // With the connection, the transaction is gone as well; what went wrong before is what counts.
        isBroken = true
        return { command: 'ROLLBACK', rows: [] as Row[], rowCount: 0, fields: [], oid: 0 }
      }
    },
    release: (destroy) => client.release(isBroken || destroy === true)
  }
}

/** What no text of PostgreSQL can hold, and no whole number of it is. */
function toParameter(value: unknown): unknown {
  if (typeof value === 'string') return toText(value)
  if (typeof value === 'number') return toNumber(value)
  return Array.isArray(value) ? value.map(toParameter) : value
}

/** Without the sign 0, and without halves of signs. */
export function toText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD')
}

/** Greater ones than all that are kept stay so. */
function toNumber(value: number): number {
  if (!Number.isInteger(value)) return value
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value))
}
