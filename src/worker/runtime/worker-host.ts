/** What all lanes have in common: a connection, and how they are woken, stopped and reported on. */

import { isTransientDatabaseError } from '../../core/problems/database-error.ts'
import type { Message } from '../../core/problems/message.ts'
import type { WorkerSettings } from '../../core/storage/storage-config.ts'
import type { ClaimedJob } from '../../core/tasks/job.ts'
import type { TaskKind } from '../../core/tasks/task.ts'
import { createCatalogLock } from '../../store/cluster/catalog-lock.ts'
import { type Database, openDepotDatabase } from '../../store/engine/database.ts'
import { createDatabaseClock } from '../../store/engine/database-clock.ts'
import { isPostgres } from '../../store/engine/dialect.ts'
import { createJobStore, type JobStore } from '../../store/tasks/job-store.ts'
import { startJobLoop } from './job-loop.ts'
import { type JobEvent, TaskFailure } from './run-job.ts'
import { CATALOG_KINDS, type JobReport, type WorkerChannel } from './worker-channel.ts'

export interface HandlerContext {
  readonly settings: WorkerSettings
  /** The lane's only connection. */
  readonly db: Database
  readonly jobs: JobStore
  /** Tells how many more bytes of archives are on the disk to stay. */
  readonly onPacked: (bytes: number) => void
}

/** What another server has canceled stops so soon, also when that has died before it told of it. */
const CHECK_INTERVAL_MS = 2_000

/** How the work of a lane is done. */
export interface JobHandler {
  run(job: ClaimedJob, signal: AbortSignal): Promise<Message>
  /** Told when the success of the work is recorded. */
  onCompleted?(job: ClaimedJob): Promise<void>
  /** Removes what was made for work that was cancelled before its end was recorded. */
  onTooLate?(job: ClaimedJob): Promise<void>
  /** Removes what the runs of failed work have left. */
  onFailed?(job: ClaimedJob): Promise<void>
  /** Removes what is left of work that has ended without any of these. */
  sweep?(): Promise<void>
  close(): Promise<void>
}

/**
 * Turns this thread or process into a lane. It ends after a `stop`.
 * @param prepare makes what all work of the lane shares
 */
export function hostWorker(
  channel: WorkerChannel,
  kinds: readonly TaskKind[],
  prepare: (context: HandlerContext) => JobHandler
): void {
  const { settings } = channel
  const db = openDepotDatabase(settings)
  const jobs = createJobStore(db)
  const clock = createDatabaseClock(db)
  const { close, ...prepared } = prepare({
    settings,
    db,
    jobs,
    onPacked: (bytes) => channel.emit({ event: 'packed', bytes })
  })

  const loop = startJobLoop({
    kinds,
    owner: settings.owner,
    jobs: { ...jobs, claimNext: claimAtDatabaseTime },
    lock: kinds === CATALOG_KINDS ? createCatalogLock(db, kinds) : undefined,
    ...prepared,
    // The only server there is tells of every cancel.
    checkIntervalMs: isPostgres(db) ? CHECK_INTERVAL_MS : undefined,
    onEvent: report,
    onIdle: () => channel.emit({ event: 'idle' }),
    isTransient: isTransientDatabaseError,
    archiveTtlMs: settings.archiveTtlMs,
    now: clock.now
  })

  async function claimAtDatabaseTime(...claim: Parameters<JobStore['claimNext']>) {
    await clock.sync()
    return jobs.claimNext(...claim)
  }

  function report(event: JobEvent, { kind, jobId, taskId, crashes }: ClaimedJob, error?: unknown): void {
    const failure = error === undefined ? {} : { failure: toFailure(error) }
    channel.emit({ event, kind, jobId, taskId, crashes, ...failure })
  }

  channel.onCommand(({ command }) => {
    if (command === 'wake') loop.wake()
    else if (command === 'stop') void loop.stop()
    else if (command === 'check') void loop.check()
  })
  void loop.ended.then(async () => {
    await close()
    await db.destroy()
    channel.close()
  })
}

function toFailure(error: unknown): NonNullable<JobReport['failure']> {
  const text = error instanceof Error ? error.message : String(error)
  const stack = error instanceof Error ? (error.stack ?? text) : text
  return { text, stack, isExpected: error instanceof TaskFailure }
}
