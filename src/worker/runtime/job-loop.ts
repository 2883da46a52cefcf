/**
 * The loop of a worker: claim a job, run it, wait for the next one. A worker runs one job at a time. Waiting jobs are
 * in the database, so none is lost when the worker dies.
 */
import type { ClaimedJob } from '../../core/tasks/job.ts'
import type { TaskKind } from '../../core/tasks/task.ts'
import type { CatalogLock } from '../../store/cluster/catalog-lock.ts'
import { createLoopControl } from './loop-control.ts'
import { createJobRunner, type JobRunOptions, tidy } from './run-job.ts'

export interface JobLoopOptions extends JobRunOptions {
  /** The kinds of jobs that it claims, the oldest job first. */
  readonly kinds: readonly TaskKind[]
  /** The process that holds the leases. */
  readonly owner: string
  /** Lets one server at a time run these jobs; undefined without peers. */
  readonly lock?: CatalogLock | undefined
  /**
   * Called when no job waits and no peer has the lock: removes what is left of jobs that ended without a call of
   * `onCompleted`, `onTooLate` or `onFailed`.
   */
  readonly sweep?: () => Promise<void>
  /** No job waits any more: called once after a job, and once after each wake that found no job. */
  readonly onIdle?: () => void
}

export interface JobLoop {
  /** A job may wait. */
  wake(): void
  /** Interrupts the running job, puts it back into the queue, and resolves when it has ended. */
  stop(): Promise<void>
  /** Aborts the running job if its lease is lost. */
  check(): Promise<void>
  /** Resolves when the loop has stopped; rejects when an error ended it. */
  readonly ended: Promise<void>
}

/** New jobs wake the loop; polling finds those whose notification was lost. */
const POLL_INTERVAL_MS = 2_000

export function startJobLoop(options: JobLoopOptions): JobLoop {
  const { jobs, owner, lock, now } = options
  const control = createLoopControl(options.isTransient)
  const runner = createJobRunner(options, control)
  let isIdle = false
  let unconfirmedClaim: Date | undefined

  async function loop(): Promise<void> {
    while (!control.stopping.aborted) {
      const job = await control.retry(claimUnderLock)
      if (job !== undefined) await runner.run(job)
      // PostgreSQL releases the lock of a connection that is lost.
      await lock?.release().catch(() => {})
      if (job === undefined) {
        if (control.stopping.aborted) return
        if (!isIdle) options.onIdle?.()
      }
      isIdle = job === undefined
      if (isIdle) await control.sleep(POLL_INTERVAL_MS)
    }
  }

  /** A claim whose answer was lost may have succeeded: it is released first, because no worker would run that job. */
  async function claimUnderLock(): Promise<ClaimedJob | undefined> {
    if (unconfirmedClaim !== undefined) await jobs.releaseClaim(owner, unconfirmedClaim)
    unconfirmedClaim = undefined
    if (lock !== undefined && !(await lock.acquire())) return undefined
    const job = await claim()
    if (job === undefined) await tidy(() => options.sweep?.())
    return job
  }

  async function claim(): Promise<ClaimedJob | undefined> {
    unconfirmedClaim = now()
    const job = await jobs.claimNext(options.kinds, owner, unconfirmedClaim)
    unconfirmedClaim = undefined
    return job
  }

  const ended = loop()
  return {
    ended,
    wake() {
      isIdle = false
      control.wake()
    },
    async stop() {
      control.stop()
      await ended
    },
    check: runner.check
  }
}
