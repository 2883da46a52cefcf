/** Which worker gets which job: a claim is one conditional statement, so that two workers never get the same job. */
import type { Kysely, Selectable } from 'kysely'
import type { ClaimedJob } from '../../core/tasks/job.ts'
import type { TaskKind } from '../../core/tasks/task.ts'
import type { Database } from '../engine/database.ts'
import { UNLESS_LOCKED } from '../engine/dialect.ts'
import type { JobTable, Schema } from '../engine/schema.ts'
import { requeue } from './requeue-jobs.ts'

export function createJobClaims(db: Database) {
  return {
    /** Claims the oldest queued job of these kinds for the owner; undefined when none is queued. */
    async claimNext(kinds: readonly TaskKind[], owner: string, now: Date): Promise<ClaimedJob | undefined> {
      // One transaction: a claim that its worker does not receive would stay unknown until the next start of the
      // server.
      return db.transaction().execute(async (trx) => {
        const row = await claimOldest(trx, kinds, owner, now)
        return row && { ...toClaim(row), taskId: await oldestTask(trx, row.id) }
      })
    },

    /** Whether jobs of these kinds are queued, or have ended and left files that their worker removes. */
    async isWaiting(kinds: readonly TaskKind[]): Promise<boolean> {
      const query = db.selectFrom('job').select('id').where('state', '=', 'queued').where('kind', 'in', kinds)
      const row = (await query.limit(1).executeTakeFirst()) ?? (await leftBehind(db, kinds))
      return row !== undefined
    },

    /** Whether any worker runs a job of these kinds. */
    async isRunning(kinds: readonly TaskKind[]): Promise<boolean> {
      const query = db.selectFrom('job').select('id').where('state', '=', 'running').where('kind', 'in', kinds)
      const row = await query.limit(1).executeTakeFirst()
      return row !== undefined
    },

    /** Requeues what this owner has claimed at this time: the result of that claim was not received. */
    async releaseClaim(owner: string, time: Date): Promise<void> {
      await requeue(db).where('lease_owner', '=', owner).where('run_started_at', '=', time.getTime()).execute()
    }
  }
}

function claimOldest(trx: Kysely<Schema>, kinds: readonly TaskKind[], owner: string, now: Date) {
  return trx
    .updateTable('job')
    .set((eb) => ({
      state: 'running',
      lease_owner: owner,
      lease_token: eb('lease_token', '+', 1),
      started_at: eb.fn.coalesce('started_at', eb.val(now.getTime())),
      run_started_at: now.getTime(),
      run_started_bytes: eb.ref('bytes_done')
    }))
    .where('id', '=', (eb) =>
      eb
        .selectFrom('job')
        .select('id')
        .where('state', '=', 'queued')
        .where('kind', 'in', kinds)
        .orderBy('id')
        .limit(1)
        .modifyEnd(UNLESS_LOCKED)
    )
    .returningAll()
    .executeTakeFirst()
}

async function oldestTask(db: Kysely<Schema>, jobId: number): Promise<number> {
  const row = await db
    .selectFrom('task')
    .select((eb) => eb.fn.min<number | null>('id').as('id'))
    .where('job_id', '=', jobId)
    .where('state', '=', 'live')
    .executeTakeFirst()
  return row?.id ?? 0
}

/** An import that a worker has claimed, and that has ended without being removed. */
function leftBehind(db: Kysely<Schema>, kinds: readonly TaskKind[]) {
  return db
    .selectFrom('import_job')
    .innerJoin('job', 'job.id', 'import_job.job_id')
    .select('job.id')
    .where('job.kind', 'in', kinds)
    .where('job.state', '=', 'ended')
    .where('job.lease_token', '>', 0)
    .limit(1)
    .executeTakeFirst()
}

function toClaim(row: Selectable<JobTable>): Omit<ClaimedJob, 'taskId'> {
  return {
    jobId: row.id,
    token: row.lease_token,
    kind: row.kind as TaskKind,
    planId: row.plan_id,
    checkpoint: { offset: row.checkpoint_offset, position: row.checkpoint_position, crc32: row.checkpoint_crc32 },
    crashes: row.crashes
  }
}
