/**
 * What a worker writes about its job: each write is one conditional statement, which has no effect without the lease.
 */
import type { Kysely } from 'kysely'
import type { Message } from '../../core/problems/message.ts'
import { type Checkpoint, FROM_THE_START, type Lease, LeaseLost } from '../../core/tasks/job.ts'
import type { TaskProgress, TaskState } from '../../core/tasks/task.ts'
import type { Database } from '../engine/database.ts'
import { greatest } from '../engine/dialect.ts'
import type { Schema } from '../engine/schema.ts'
import { durableTransaction } from '../engine/transactions.ts'
import { endPlan, keepArchive } from './archive-retention.ts'
import { endTasks } from './write-tasks.ts'

/** How a job ends, and with it all tasks that wait for it. */
export interface JobOutcome {
  readonly state: Extract<TaskState, 'completed' | 'failed'>
  readonly message: Message
  readonly now: Date
  /** Of the archive, if the job has one. */
  readonly keptUntil?: Date
}

export function createJobProgress(db: Database) {
  const updateOwn = ({ jobId, token }: Lease) =>
    db.updateTable('job').where('id', '=', jobId).where('lease_token', '=', token).where('state', '=', 'running')

  async function holding(lease: Lease, updated: Promise<{ numUpdatedRows: bigint }>): Promise<void> {
    if ((await updated).numUpdatedRows === 0n) throw new LeaseLost(lease)
  }

  return {
    /** Records the progress of the job; its counters never decrease. @throws LeaseLost */
    async saveProgress(
      lease: Lease,
      { packagesDone, bytesDone }: TaskProgress,
      checkpoint?: Checkpoint
    ): Promise<void> {
      const update = updateOwn(lease)
        .set({ packages_done: greatest('packages_done', packagesDone), bytes_done: greatest('bytes_done', bytesDone) })
        .$if(checkpoint !== undefined, (query) => query.set(toColumns(checkpoint ?? FROM_THE_START)))
      await holding(lease, update.executeTakeFirstOrThrow())
    },

    /** Records the totals of the job, once they are known. @throws LeaseLost */
    async saveTotals(lease: Lease, packagesTotal: number, bytesTotal: number): Promise<void> {
      const update = updateOwn(lease).set({ packages_total: packagesTotal, bytes_total: bytesTotal })
      await holding(lease, update.executeTakeFirstOrThrow())
    },

    /** Whether the lease is valid. */
    async isHeld({ jobId, token }: Lease): Promise<boolean> {
      const row = await db
        .selectFrom('job')
        .select('id')
        .where('id', '=', jobId)
        .where('lease_token', '=', token)
        .where('state', '=', 'running')
        .executeTakeFirst()
      return row !== undefined
    },

    /** Whether the job is queued, or running under another lease: it has not ended, and this lease is not valid. */
    async isElsewhere({ jobId, token }: Lease): Promise<boolean> {
      const row = await db.selectFrom('job').select(['state', 'lease_token']).where('id', '=', jobId).executeTakeFirst()
      if (row === undefined || row.state === 'ended') return false
      return row.state !== 'running' || row.lease_token !== token
    },

    /**
     * Ends the job and its tasks permanently. Repeating the call with the same outcome has no effect.
     * @returns false when the lease is lost
     */
    async finish(lease: Lease, { state, message, now, keptUntil }: JobOutcome): Promise<boolean> {
      return durableTransaction(db, async (trx) => {
        const row = await endOwn(trx, lease, state)
        if (row === undefined) return isFinished(trx, lease, state)
        await endTasks(trx, { jobId: lease.jobId }, { state, message, now })
        if (row.plan_id === null) return true
        if (state === 'completed') await keepArchive(trx, row.plan_id, keptUntil ?? now)
        else await endPlan(trx, row.plan_id)
        return true
      })
    }
  }
}

/**
 * Confirms that the lease is valid; no other worker can take the job before the end of the transaction.
 * @throws LeaseLost
 */
export async function confirmLease(trx: Kysely<Schema>, lease: Lease): Promise<void> {
  const { numUpdatedRows } = await trx
    .updateTable('job')
    .set((eb) => ({ lease_heartbeat: eb.ref('lease_heartbeat') }))
    .where('id', '=', lease.jobId)
    .where('lease_token', '=', lease.token)
    .where('state', '=', 'running')
    .executeTakeFirstOrThrow()
  if (numUpdatedRows === 0n) throw new LeaseLost(lease)
}

export function toColumns({ offset, position, crc32 }: Checkpoint) {
  return { checkpoint_offset: offset, checkpoint_position: position, checkpoint_crc32: crc32 }
}

function endOwn(trx: Kysely<Schema>, lease: Lease, state: JobOutcome['state']) {
  return (
    trx
      .updateTable('job')
      .set({ state: 'ended', lease_owner: null })
      // A completed job counts all its packages and bytes as done.
      .$if(state === 'completed', (query) =>
        query.set((eb) => ({ packages_done: eb.ref('packages_total'), bytes_done: eb.ref('bytes_total') }))
      )
      .where('id', '=', lease.jobId)
      .where('lease_token', '=', lease.token)
      .where('state', '=', 'running')
      .returning('plan_id')
      .executeTakeFirst()
  )
}

/**
 * Whether the job has ended with this state under this lease: a connection can be lost between a commit and its
 * response.
 */
async function isFinished(db: Kysely<Schema>, lease: Lease, state: JobOutcome['state']): Promise<boolean> {
  const row = await db
    .selectFrom('job')
    .innerJoin('task', 'task.job_id', 'job.id')
    .select('task.id')
    .where('job.id', '=', lease.jobId)
    .where('job.lease_token', '=', lease.token)
    .where('job.state', '=', 'ended')
    .where('task.state', '=', state)
    .executeTakeFirst()
  return row !== undefined
}
