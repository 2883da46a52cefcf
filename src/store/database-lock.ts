/** Two servers on one PostgreSQL database, each with a directory of its own, would give each other's work away: the second is refused. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'pg'
import { toUnusable } from './database-unusable.ts'
import { type InstanceLock, InstanceLocked } from './instance-lock.ts'
import { toPostgresError } from './postgres-error.ts'

const RETRY_MS = 500
/** A server that was killed is known to be gone only a moment later. */
const PATIENCE_MS = 3_000
/** Longer than PostgreSQL takes to find that a machine is gone which holds the lock. */
const RECOVERY_MS = 40_000

const KEEP_ALIVE = 'set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3'
const LOCK = `select pg_try_advisory_lock(hashtext('fixdepot server'), hashtext(current_schema())) as is_held`

/**
 * Takes the database for this process. The lock belongs to a connection; when that is lost, it is taken again as soon as the database is
 * back.
 * @param onLost told when another server has it by then: this one must end
 * @throws InstanceLocked, DatabaseUnusable
 */
export async function lockDatabase(url: string, onLost: (error: InstanceLocked) => void): Promise<InstanceLock> {
  const end = new AbortController()
  let client: Client

  async function take(patienceMs: number): Promise<void> {
    const until = performance.now() + patienceMs
    client = await connect(url)
    while (!(await isTaken(client))) {
      if (performance.now() > until) {
        await client.end()
        throw new InstanceLocked(
          'Another fixdepot uses the database of FIXDEPOT_DATABASE_URL. Stop it first, or give this one a database of its own.'
        )
      }
      await delay(RETRY_MS, undefined, { signal: end.signal })
    }
    client.once('end', () => void takeAgain())
  }

  async function takeAgain(): Promise<void> {
    while (!end.signal.aborted) {
      try {
        return await take(RECOVERY_MS)
      } catch (error) {
        if (error instanceof InstanceLocked) return onLost(error)
        client.end().catch(() => {})
      }
      await delay(RETRY_MS, undefined, { signal: end.signal }).catch(() => {})
    }
  }

  await take(PATIENCE_MS).catch((error) => {
    throw toUnusable(undefined, error) ?? error
  })
  return {
    release() {
      end.abort()
      client.end().catch(() => {})
    }
  }
}

async function connect(url: string): Promise<Client> {
  const { Client } = await import('pg')
  const client = new Client({ connectionString: url, application_name: 'fixdepot lock', keepAlive: true })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query(KEEP_ALIVE)
  } catch (error) {
    await client.end().catch(() => {})
    throw toPostgresError(error)
  }
  return client
}

async function isTaken(client: Client): Promise<boolean> {
  try {
    const { rows } = await client.query(LOCK)
    return rows[0]?.is_held === true
  } catch (error) {
    throw toPostgresError(error)
  }
}
