/** Returns running jobs to the queue, when their worker or their server stops or dies. */
import type { Kysely } from 'kysely'
import { FROM_THE_START, type Lease } from '../../core/tasks/job.ts'
import type { Database } from '../engine/database.ts'
import type { Schema } from '../engine/schema.ts'
import { toColumns } from './job-progress.ts'

export function createJobQueue(db: Database) {
  return {
    /** Requeues the job because its worker stops. */
    async release({ jobId, token }: Lease): Promise<void> {
      await requeue(db).where('id', '=', jobId).where('lease_token', '=', token).execute()
    },

    /** Requeues the job because its worker has died, and counts the crash. */
    async requeueCrashed(jobId: number, owner: string): Promise<void> {
      await requeue(db)
        .set((eb) => ({ crashes: eb('crashes', '+', 1) }))
        .where('id', '=', jobId)
        .where('lease_owner', '=', owner)
        .execute()
    },

    /** Requeues what this owner has claimed, except for the jobs that are known to be running. */
    async requeueUnreported(owner: string, known: readonly number[]): Promise<void> {
      await requeue(db)
        .where('lease_owner', '=', owner)
        .$if(known.length > 0, (query) => query.where('id', 'not in', known))
        .execute()
    },

    /** Requeues all jobs, after the process that ran them has ended. */
    async requeueAll(): Promise<void> {
      await requeue(db).execute()
    }
  }
}

/**
 * Requeues the running jobs that the caller selects with further conditions. They keep their checkpoint: the next run
 * continues from it.
 */
export function requeue(db: Kysely<Schema>) {
  return db.updateTable('job').set({ state: 'queued', lease_owner: null }).where('state', '=', 'running')
}

/** Requeues running jobs without their checkpoint: what was written is not trusted. */
export function restart(db: Kysely<Schema>) {
  return requeue(db).set(toColumns(FROM_THE_START))
}
