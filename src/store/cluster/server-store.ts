/** The servers that share a database: who lives, and what becomes of the work of those who do not. */
import { type Kysely, sql } from 'kysely'
import type { Database } from '../engine/database.ts'
import { isAmong, isPostgres } from '../engine/dialect.ts'
import { applicationOf } from '../engine/postgres-pool.ts'
import type { Schema, ServerTable } from '../engine/schema.ts'
import { writeTransaction } from '../engine/transactions.ts'
import { requeue, restart } from '../tasks/requeue-jobs.ts'

/** A server as another one sees it: while it lives, the beat grows. */
export type PeerHeartbeat = Pick<ServerTable, 'id' | 'heartbeat'>

/** Of an owner of leases who is not in the list of servers. */
const UNLISTED = -1

export interface Eviction {
  /** Whether the work may go on where it was: where nobody else can write any more what it has written. */
  readonly keepsCheckpoints: boolean
  /** Puts the repository in order before the work can be claimed. */
  readonly recover: (trx: Kysely<Schema>) => Promise<void>
}

export type ServerStore = ReturnType<typeof createServerStore>

export function createServerStore(db: Database) {
  return {
    /** Shows that this server lives. One that was taken for dead is there again. */
    async heartbeat(server: Omit<ServerTable, 'heartbeat'>): Promise<void> {
      await db
        .insertInto('server')
        .values({ ...server, heartbeat: 0 })
        .onConflict((conflict) =>
          conflict.column('id').doUpdateSet((eb) => ({ heartbeat: eb('server.heartbeat', '+', 1) }))
        )
        .execute()
    },

    /** All but this one. */
    async others(id: string): Promise<ServerTable[]> {
      return db.selectFrom('server').selectAll().where('id', '!=', id).orderBy('id').execute()
    },

    /** The same, and who has leases without being in the list. */
    async peerHeartbeats(id: string): Promise<PeerHeartbeat[]> {
      const listed = await db.selectFrom('server').select(['id', 'heartbeat']).where('id', '!=', id).execute()
      const owners = await db
        .selectFrom('job')
        .select('lease_owner')
        .distinct()
        .where('state', '=', 'running')
        .where('lease_owner', '!=', id)
        .where('lease_owner', 'not in', (eb) => eb.selectFrom('server').select('server.id'))
        .execute()
      return [...listed, ...owners.map(({ lease_owner }) => ({ id: lease_owner ?? '', heartbeat: UNLISTED }))]
    },

    /** Takes all from a server that has shown no sign of life since; of several that do so one does it. */
    async evict({ id, heartbeat }: PeerHeartbeat, { keepsCheckpoints, recover }: Eviction): Promise<boolean> {
      const isEvicted = await writeTransaction(db, async (trx) => {
        if (!(await isGone(trx, { id, heartbeat }))) return false
        await recover(trx)
        const job = keepsCheckpoints ? requeue(trx) : restart(trx)
        await job.where('lease_owner', '=', id).execute()
        await trx.deleteFrom('upload').where('owner', '=', id).execute()
        return true
      })
      if (isEvicted && isPostgres(db)) await terminateConnections(db, id)
      return isEvicted
    },

    /** Takes back what former processes with the data directory of this one had: they have ended for certain. */
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

    /** This server ends in peace. */
    async deregister(id: string): Promise<void> {
      await db.deleteFrom('server').where('id', '=', id).execute()
    }
  }
}

async function isGone(trx: Kysely<Schema>, { id, heartbeat }: PeerHeartbeat): Promise<boolean> {
  if (heartbeat === UNLISTED) {
    return (await trx.selectFrom('server').select('id').where('id', '=', id).executeTakeFirst()) === undefined
  }
  const gone = trx.deleteFrom('server').where('id', '=', id).where('heartbeat', '=', heartbeat)
  return (await gone.executeTakeFirstOrThrow()).numDeletedRows > 0n
}

/** Whoever was only held up finds its connections cut: what it had begun there comes to nothing. */
async function terminateConnections(db: Kysely<Schema>, id: string): Promise<void> {
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = ${applicationOf(id)} and datname = current_database() and usename = current_user
      and pid <> pg_backend_pid()`.execute(db)
}
