/**
 * The lock of a PostgreSQL database for the start of a server: only one server at a time migrates it and creates what
 * must exist once.
 */
import type { Client } from 'pg'
import { toUnusable } from './database-unusable.ts'
import type { InstanceLock } from './instance-lock.ts'
import { toPostgresError } from './postgres-error.ts'

const KEEP_ALIVE = 'set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3'
const LOCK = `select pg_advisory_lock(hashtext('fixdepot start'), hashtext(current_schema()))`

/**
 * Waits for the lock. It belongs to a connection, and so is released when the process ends in any way.
 * @throws DatabaseUnusable
 */
export async function lockDatabase(url: string): Promise<InstanceLock> {
  const { Client } = await import('pg')
  const client = new Client({ connectionString: url, application_name: 'fixdepot start', keepAlive: true })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query(KEEP_ALIVE)
    await client.query(LOCK)
  } catch (error) {
    await end(client)
    const lastError = toPostgresError(error)
    throw toUnusable(undefined, lastError) ?? lastError
  }
  return { release: () => void end(client) }
}

async function end(client: Client): Promise<void> {
  await client.end().catch(() => {})
}
