/**
 * Work and its leases. Every change of state is one conditional statement, so that two workers can never both win; what
 * a worker writes about its work counts only while its lease does.
 */
import type { Insertable, Kysely, Selectable } from 'kysely'
import type { Message } from '../../core/problems/message.ts'
import { type Checkpoint, type ClaimedJob, FROM_THE_START, type Lease, LeaseLost } from '../../core/tasks/job.ts'
import type { TaskKind, TaskProgress, TaskState } from '../../core/tasks/task.ts'
import type { Database } from '../engine/database.ts'
import { greatest, UNLESS_LOCKED } from '../engine/dialect.ts'
import type { JobTable, Schema } from '../engine/schema.ts'
import { durableTransaction } from '../engine/transactions.ts'
import { endPlan, keepArchive } from './archive-store.ts'
import { endTasks } from './task-store.ts'

/** How work ends, and with it all tasks that wait for it. */
export interface JobOutcome {
  readonly state: Extract<TaskState, 'completed' | 'failed'>
  readonly message: Message
  readonly now: Date
  /** Of the archive, when there is one. */
  readonly keptUntil?: Date
}

export interface JobStore {
  /** Hands the oldest waiting work of these kinds to the caller, and to nobody else; undefined when none waits. */
  claimNext(kinds: readonly TaskKind[], owner: string, now: Date): Promise<ClaimedJob | undefined>
  /** Whether work of these kinds waits for a claim, or has ended and left something that its lane removes. */
  isWaiting(kinds: readonly TaskKind[]): Promise<boolean>
  /** Whether somebody has work of these kinds. */
  isRunning(kinds: readonly TaskKind[]): Promise<boolean>
  /** Puts back what this owner has claimed at this time: of that claim nobody was told. */
  releaseClaim(owner: string, time: Date): Promise<void>
  /** Records how far the work is; counters never shrink. @throws LeaseLost */
  saveProgress(lease: Lease, progress: TaskProgress, checkpoint?: Checkpoint): Promise<void>
  /** Records how much there is to do, once that is known. @throws LeaseLost */
  saveTotals(lease: Lease, packagesTotal: number, bytesTotal: number): Promise<void>
  /** Whether the lease still counts. */
  isHeld(lease: Lease): Promise<boolean>
  /**
   * Ends the work and its tasks for good; false when the lease is lost. Once more it does nothing, and says the same.
   */
  finish(lease: Lease, outcome: JobOutcome): Promise<boolean>
  /** Puts the work back in the queue: its worker stops. */
  release(lease: Lease): Promise<void>
  /** The same after its worker has died, which is counted. */
  requeueCrashed(jobId: number, owner: string): Promise<void>
  /** The same for what this owner has claimed, but for the work that is known to be under way. */
  requeueUnreported(owner: string, known: readonly number[]): Promise<void>
  /** The same for all work, after the process that did it has gone. */
  requeueAll(): Promise<void>
  /** Whether somebody else has the work, or is going to have it: it has neither ended, nor is this its lease. */
  isElsewhere(lease: Lease): Promise<boolean>
}

export function createJobStore(db: Database): JobStore {
  const updateOwn = ({ jobId, token }: Lease) =>
    db.updateTable('job').where('id', '=', jobId).where('lease_token', '=', token).where('state', '=', 'running')

  async function holding(lease: Lease, updated: Promise<{ numUpdatedRows: bigint }>): Promise<void> {
    if ((await updated).numUpdatedRows === 0n) throw new LeaseLost(lease)
  }

  return {
    claimNext: (kinds, owner, now) =>
      // Whole or not at all: what is claimed, and nobody is told of, would wait for the next start of the server.
      db.transaction().execute(async (trx) => {
        const row = await trx
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
        return row && { ...toClaim(row), taskId: await oldestTask(trx, row.id) }
      }),

    async isWaiting(kinds) {
      const query = db.selectFrom('job').select('id').where('state', '=', 'queued').where('kind', 'in', kinds)
      const row = (await query.limit(1).executeTakeFirst()) ?? (await leftBehind(db, kinds))
      return row !== undefined
    },

    async isRunning(kinds) {
      const query = db.selectFrom('job').select('id').where('state', '=', 'running').where('kind', 'in', kinds)
      const row = await query.limit(1).executeTakeFirst()
      return row !== undefined
    },

    async releaseClaim(owner, time) {
      await requeue(db).where('lease_owner', '=', owner).where('run_started_at', '=', time.getTime()).execute()
    },

    async saveProgress(lease, { packagesDone, bytesDone }, checkpoint) {
      const grown = (column: 'packages_done' | 'bytes_done', value: number) => greatest(column, value)
      const update = updateOwn(lease)
        .set({ packages_done: grown('packages_done', packagesDone), bytes_done: grown('bytes_done', bytesDone) })
        .$if(checkpoint !== undefined, (query) => query.set(toColumns(checkpoint ?? FROM_THE_START)))
      await holding(lease, update.executeTakeFirstOrThrow())
    },

    async saveTotals(lease, packagesTotal, bytesTotal) {
      const update = updateOwn(lease).set({ packages_total: packagesTotal, bytes_total: bytesTotal })
      await holding(lease, update.executeTakeFirstOrThrow())
    },

    async isHeld({ jobId, token }) {
      const row = await db
        .selectFrom('job')
        .select('id')
        .where('id', '=', jobId)
        .where('lease_token', '=', token)
        .where('state', '=', 'running')
        .executeTakeFirst()
      return row !== undefined
    },

    async finish(lease, { state, message, now, keptUntil }) {
      return durableTransaction(db, async (trx) => {
        const row = await trx
          .updateTable('job')
          .set({ state: 'ended', lease_owner: null })
          // Completed work is done to its last byte and package.
          .$if(state === 'completed', (query) =>
            query.set((eb) => ({ packages_done: eb.ref('packages_total'), bytes_done: eb.ref('bytes_total') }))
          )
          .where('id', '=', lease.jobId)
          .where('lease_token', '=', lease.token)
          .where('state', '=', 'running')
          .returning('plan_id')
          .executeTakeFirst()
        if (row === undefined) return isFinished(trx, lease, state)
        await endTasks(trx, { jobId: lease.jobId }, { state, message, now })
        if (row.plan_id === null) return true
        if (state === 'completed') await keepArchive(trx, row.plan_id, keptUntil ?? now)
        else await endPlan(trx, row.plan_id)
        return true
      })
    },

    async release({ jobId, token }) {
      await requeue(db).where('id', '=', jobId).where('lease_token', '=', token).execute()
    },

    async requeueCrashed(jobId, owner) {
      await requeue(db)
        .set((eb) => ({ crashes: eb('crashes', '+', 1) }))
        .where('id', '=', jobId)
        .where('lease_owner', '=', owner)
        .execute()
    },

    async requeueUnreported(owner, known) {
      await requeue(db)
        .where('lease_owner', '=', owner)
        .$if(known.length > 0, (query) => query.where('id', 'not in', known))
        .execute()
    },

    async requeueAll() {
      await requeue(db).execute()
    },

    async isElsewhere({ jobId, token }) {
      const row = await db.selectFrom('job').select(['state', 'lease_token']).where('id', '=', jobId).executeTakeFirst()
      if (row === undefined || row.state === 'ended') return false
      return row.state !== 'running' || row.lease_token !== token
    }
  }
}

/** Whether this lease counts; nobody takes it before the end of the transaction. @throws LeaseLost */
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

/**
 * The scan that waits to be started, if there is one. A write that changes nothing goes first: it takes the right to
 * write, so that two callers cannot both find that none waits.
 */
export async function findQueuedScan(trx: Kysely<Schema>): Promise<number | undefined> {
  const waiting = await trx
    .updateTable('job')
    .set({ state: 'queued' })
    .where('state', '=', 'queued')
    .where('kind', '=', 'scan')
    .returning('id')
    .executeTakeFirst()
  return waiting?.id
}

/** New work, which waits for a worker. */
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

/** Ends work that nobody waits for any more; whoever does it finds out at its next write. */
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
 * Whether the work has been ended like this under this lease: a connection can be lost between a commit and its answer.
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

/** An import that a worker had, and that has ended without being forgotten. */
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

/**
 * All that runs waits again; a part of it that the caller chooses. The checkpoint stays: the next one goes on from
 * there.
 */
export function requeue(db: Kysely<Schema>) {
  return db.updateTable('job').set({ state: 'queued', lease_owner: null }).where('state', '=', 'running')
}

/** The same from the start: what was written is not trusted. */
export function restart(db: Kysely<Schema>) {
  return requeue(db).set(toColumns(FROM_THE_START))
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

function toColumns({ offset, position, crc32 }: Checkpoint) {
  return { checkpoint_offset: offset, checkpoint_position: position, checkpoint_crc32: crc32 }
}
