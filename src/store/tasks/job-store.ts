/** Jobs: what workers do for tasks. */
import type { Insertable, Kysely } from 'kysely'
import type { TaskKind } from '../../core/tasks/task.ts'
import type { Database } from '../engine/database.ts'
import type { JobTable, Schema } from '../engine/schema.ts'
import { endPlan } from './archive-retention.ts'
import { createJobClaims } from './job-claims.ts'
import { createJobProgress } from './job-progress.ts'
import { createJobQueue } from './requeue-jobs.ts'

export type JobStore = ReturnType<typeof createJobStore>

/** What workers and their supervisor need. */
export function createJobStore(db: Database) {
  return { ...createJobClaims(db), ...createJobProgress(db), ...createJobQueue(db) }
}

/** Inserts a job, which is queued unless `more` says otherwise. */
export async function insertJob(
  trx: Kysely<Schema>,
  kind: TaskKind,
  more: Partial<Insertable<JobTable>> = {}
): Promise<number> {
  const { id } = await trx
    .insertInto('job')
    .values({ kind, state: 'queued', plan_id: null, started_at: null, ...more })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

/** Ends a job that no task waits for any more; its worker loses the lease and notices at its next write. */
export async function endJob(trx: Kysely<Schema>, jobId: number): Promise<void> {
  const row = await trx
    .updateTable('job')
    .set({ state: 'ended', lease_owner: null })
    .where('id', '=', jobId)
    .where('state', 'in', ['open', 'queued', 'running'])
    .returning('plan_id')
    .executeTakeFirst()
  if (row?.plan_id != null) await endPlan(trx, row.plan_id)
}

/**
 * The queued scan, if any. It is found by a write without effect, which takes the write lock: two callers cannot both
 * find none.
 */
export async function findQueuedScan(trx: Kysely<Schema>): Promise<number | undefined> {
  const queued = await trx
    .updateTable('job')
    .set({ state: 'queued' })
    .where('state', '=', 'queued')
    .where('kind', '=', 'scan')
    .returning('id')
    .executeTakeFirst()
  return queued?.id
}
