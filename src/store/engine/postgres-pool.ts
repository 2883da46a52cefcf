/**
 * Connections to PostgreSQL for Kysely. A lost connection fails the statement that runs on it with an error that says
 * so; the next statement gets a new connection.
 */
import type { Client, ClientConfig, Pool, PoolClient, QueryResult } from 'pg'
import { toPostgresError } from './postgres-error.ts'
import { toParameter, types } from './postgres-values.ts'

const CONNECT_TIMEOUT_MS = 10_000
const KEEP_ALIVE_DELAY_MS = 10_000

/**
 * Settings of every connection:
 * - `lock_timeout` is the busy timeout of SQLite.
 * - `work_mem`: without it, anti-joins over a whole catalog scan one table for each row of the other.
 * - `random_page_cost`: most rows are in memory or on an SSD.
 * - `parallel_setup_cost`: parallel workers take tens of milliseconds to start, which pays off only for queries that
 *   read whole catalogs.
 * - `synchronous_commit`: commits are durable, even if the server's default is `off`.
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

export interface PostgresLocation {
  /** `postgres://user:password@host/database` */
  readonly url: string
  /** The server that connects, for its peers. */
  readonly owner?: string | undefined
  /** Maximum number of connections. Temporary tables need exactly one. */
  readonly connections: number
}

/** One statement after the other. */
export interface PostgresClient {
  query<Row>(text: string, parameters: readonly unknown[]): Promise<QueryResult & { rows: Row[]; rowCount: number }>
  release(destroy?: boolean): void
}

/** The `application_name` of the connections of a server. */
export function applicationOf(owner: string | undefined): string {
  return owner === undefined ? 'fixdepot' : `fixdepot ${owner}`
}

/** Loads the driver. Connections are made on demand. */
export async function createPostgresPool({ url, connections, owner }: PostgresLocation) {
  const { Pool, Client } = await import('pg')
  // The pool's option of this name limits the wait for a free connection instead.
  class ClientWithTimeout extends Client {
    constructor(config: ClientConfig = {}) {
      super({ ...config, connectionTimeoutMillis: CONNECT_TIMEOUT_MS })
    }
  }
  const pool = new Pool({
    Client: ClientWithTimeout as unknown as new () => Client,
    connectionString: url,
    application_name: applicationOf(owner),
    max: connections,
    idleTimeoutMillis: 0,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    types
  })
  // The statement on the connection rejects with the error.
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
        // The transaction ended with the connection; the caller needs the error before this one.
        isBroken = true
        return { command: 'ROLLBACK', rows: [] as Row[], rowCount: 0, fields: [], oid: 0 }
      }
    },
    release: (destroy) => client.release(isBroken || destroy === true)
  }
}
