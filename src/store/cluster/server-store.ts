/** The servers that share a database: their heartbeats, and the jobs of dead servers. */
import { type Kysely, sql } from 'kysely'
import type { Database } from '../engine/database.ts'
import { isAmong, isPostgres } from '../engine/dialect.ts'
import { applicationOf } from '../engine/postgres-pool.ts'
import type { Schema, ServerTable } from '../engine/schema.ts'
import { writeTransaction } from '../engine/transactions.ts'
import { requeue, restart } from '../tasks/requeue-jobs.ts'

/** A server and its heartbeat, which increases while the server is alive. */
export type PeerHeartbeat = Pick<ServerTable, 'id' | 'heartbeat'>

/** The heartbeat of an owner of leases that is not a registered server. */
const UNREGISTERED = -1

export interface Eviction {
  /** Whether jobs keep their checkpoints: only if the evicted server cannot write to its archives any more. */
  readonly keepsCheckpoints: boolean
  /** Restores the repository before the jobs can be claimed. */
  readonly recover: (trx: Kysely<Schema>) => Promise<void>
}

export type ServerStore = ReturnType<typeof createServerStore>

export function createServerStore(db: Database) {
  return {
    /** Registers this server, or increases its heartbeat. An evicted server is registered again. */
    async heartbeat(server: Omit<ServerTable, 'heartbeat'>): Promise<void> {
      await db
        .insertInto('server')
        .values({ ...server, heartbeat: 0 })
        .onConflict((conflict) =>
          conflict.column('id').doUpdateSet((eb) => ({ heartbeat: eb('server.heartbeat', '+', 1) }))
        )
        .execute()
    },

    /** All other servers. */
    async others(id: string): Promise<ServerTable[]> {
      return db.selectFrom('server').selectAll().where('id', '!=', id).orderBy('id').execute()
    },

    /** The heartbeats of all other servers, and of owners of leases that are not registered. */
    async peerHeartbeats(id: string): Promise<PeerHeartbeat[]> {
      const registered = await db.selectFrom('server').select(['id', 'heartbeat']).where('id', '!=', id).execute()
      const owners = await db
        .selectFrom('job')
        .select('lease_owner')
        .distinct()
        .where('state', '=', 'running')
        .where('lease_owner', '!=', id)
        .where('lease_owner', 'not in', (eb) => eb.selectFrom('server').select('server.id'))
        .execute()
      return [...registered, ...owners.map(({ lease_owner }) => ({ id: lease_owner ?? '', heartbeat: UNREGISTERED }))]
    },

    /**
     * Evicts a server whose heartbeat has not changed: requeues its jobs and deletes its uploads.
     * @returns false when the server is alive or was already evicted: of concurrent evictions one succeeds
     */
    async evict({ id, heartbeat }: PeerHeartbeat, { keepsCheckpoints, recover }: Eviction): Promise<boolean> {
      const isEvicted = await writeTransaction(db, async (trx) => {
        if (!(await isGone(trx, { id, heartbeat }))) return false
        await recover(trx)
        const running = keepsCheckpoints ? requeue(trx) : restart(trx)
        await running.where('lease_owner', '=', id).execute()
        await trx.deleteFrom('upload').where('owner', '=', id).execute()
        return true
      })
      if (isEvicted && isPostgres(db)) await terminateConnections(db, id)
      return isEvicted
    },

    /** Requeues the jobs of former processes on this data directory, which have ended: this one has its lock. */
    async takeOver({ id, node }: Pick<ServerTable, 'id' | 'node'>): Promise<void> {
      await writeTransaction(db, async (trx) => {
        const rows = await trx
          .selectFrom('server')
          .select('id')
          .where('node', '=', node)
          .where('id', '!=', id)
          .execute()
        const former = rows.map((row) => row.id)
        await requeue(trx).where(isAmong('lease_owner', former)).execute()
        await trx.deleteFrom('upload').where(isAmong('owner', former)).execute()
        await trx.deleteFrom('server').where(isAmong('id', former)).execute()
      })
    },

    /** Deletes this server, which stops. */
    async deregister(id: string): Promise<void> {
      await db.deleteFrom('server').where('id', '=', id).execute()
    }
  }
}

async function isGone(trx: Kysely<Schema>, { id, heartbeat }: PeerHeartbeat): Promise<boolean> {
  if (heartbeat === UNREGISTERED) {
    return (await trx.selectFrom('server').select('id').where('id', '=', id).executeTakeFirst()) === undefined
  }
  const gone = trx.deleteFrom('server').where('id', '=', id).where('heartbeat', '=', heartbeat)
  return (await gone.executeTakeFirstOrThrow()).numDeletedRows > 0n
}

/** A server that was only suspended loses its connections, and so its uncommitted transactions. */
async function terminateConnections(db: Kysely<Schema>, id: string): Promise<void> {
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = ${applicationOf(id)} and datname = current_database() and usename = current_user
      and pid <> pg_backend_pid()`.execute(db)
}
