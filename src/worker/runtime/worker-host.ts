/** Runs a job loop in a worker: connects it to the database, and to the channel of its supervisor. */

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
  /** The only connection of the worker. */
  readonly db: Database
  readonly jobs: JobStore
  /** Called with the number of bytes of archives that have become durable since the last call. */
  readonly onPacked: (bytes: number) => void
}

/** Detects jobs that a peer has canceled, also when it has died before its notification. */
const CHECK_INTERVAL_MS = 2_000

/** Runs the jobs of a kind. */
export interface JobHandler {
  run(job: ClaimedJob, signal: AbortSignal): Promise<Message>
  /** The success of the job is recorded. */
  onCompleted?(job: ClaimedJob): Promise<void>
  /** Removes what was made for a job that was canceled before its end was recorded. */
  onTooLate?(job: ClaimedJob): Promise<void>
  /** Removes what the runs of a failed job have left. */
  onFailed?(job: ClaimedJob): Promise<void>
  /** Removes what is left of jobs that ended without any of these calls. */
  sweep?(): Promise<void>
  close(): Promise<void>
}

/**
 * Runs jobs in this thread or process until the `stop` command.
 * @param prepare creates the handler, once for all jobs of the worker
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
    // Without peers, each cancellation is notified.
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
