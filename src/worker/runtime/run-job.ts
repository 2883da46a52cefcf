/** One run of a claimed job: it ends in a final state, or puts the job back into the queue. */
import { isRetryable } from '../../core/problems/database-error.ts'
import { type Message, taskFailed } from '../../core/problems/message.ts'
import { type ClaimedJob, LeaseLost } from '../../core/tasks/job.ts'
import type { JobStore } from '../../store/tasks/job-store.ts'
import { createLeaseCheck } from './lease-check.ts'
import { type LoopControl, RETRY_INTERVAL_MS } from './loop-control.ts'

/** The job fails, with this message for the clients of its tasks. */
export class TaskFailure extends Error {
  readonly userMessage: Message

  constructor(userMessage: Message, cause: unknown) {
    super(userMessage.text, { cause })
    this.name = 'TaskFailure'
    this.userMessage = userMessage
  }
}

/** The worker stops: the job continues after the next start. */
export class LoopStopped extends Error {
  override readonly name = 'LoopStopped'
}

/**
 * `dropped`: all tasks of the job were canceled, or another worker has it. `interrupted`: it continues later, from its
 * checkpoint.
 */
export type JobEvent = 'started' | 'completed' | 'failed' | 'dropped' | 'interrupted'

export interface JobRunOptions {
  readonly jobs: JobStore
  /** Runs a claimed job to its end, and returns the message of its success. */
  readonly run: (job: ClaimedJob, signal: AbortSignal) => Promise<Message>
  /** The success of the job is recorded. */
  readonly onCompleted?: (job: ClaimedJob) => Promise<void>
  /** The job succeeded after it was canceled: removes what the run has made. */
  readonly onTooLate?: (job: ClaimedJob) => Promise<void>
  /** The failure of the job is recorded: removes what its runs have left. */
  readonly onFailed?: (job: ClaimedJob) => Promise<void>
  /**
   * How often the lease is checked, in milliseconds; undefined: only on demand. A peer may cancel the job and die
   * before it notifies this server.
   */
  readonly checkIntervalMs?: number | undefined
  /** `error` is the cause of a failure. */
  readonly onEvent: (event: JobEvent, job: ClaimedJob, error?: unknown) => void
  /** True for errors of the database after which a statement is retried. */
  readonly isTransient: (error: unknown) => boolean
  /** How long a finished archive is kept from now on, in milliseconds. */
  readonly archiveTtlMs: number
  readonly now: () => Date
}

export interface JobRunner {
  /** Resolves when the end of the run is recorded. */
  run(job: ClaimedJob): Promise<void>
  /** Aborts the running job if its lease is lost. */
  check(): Promise<void>
}

/** A job during which so many workers have died would kill the next one too. */
const MAX_CRASHES = 3

export function createJobRunner(options: JobRunOptions, { stopping, retry, sleep }: LoopControl): JobRunner {
  const { jobs, onEvent, now, isTransient } = options
  const leases = createLeaseCheck({ jobs, intervalMs: options.checkIntervalMs, isTransient })

  async function run(job: ClaimedJob): Promise<void> {
    onEvent('started', job)
    const abort = new AbortController()
    const onStop = () => abort.abort(new LoopStopped())
    stopping.addEventListener('abort', onStop)
    if (stopping.aborted) onStop()
    const endChecks = leases.start(job, abort)
    try {
      if (job.crashes >= MAX_CRASHES) throw new Error(`${MAX_CRASHES} workers have died of job ${job.jobId}`)
      await complete(job, await options.run(job, abort.signal))
    } catch (error) {
      await endWithError(job, abort.signal.aborted ? abort.signal.reason : error)
    } finally {
      endChecks()
      stopping.removeEventListener('abort', onStop)
    }
  }

  async function endWithError(job: ClaimedJob, error: unknown): Promise<void> {
    if (error instanceof LoopStopped) await requeue(job)
    else if (error instanceof LeaseLost) onEvent('dropped', job)
    else if (isRetryable(error instanceof TaskFailure ? error.cause : error)) await requeueAfterDelay(job)
    else await fail(job, error)
  }

  async function complete(job: ClaimedJob, message: Message): Promise<void> {
    const keptUntil = new Date(now().getTime() + options.archiveTtlMs)
    const isRecorded = await retry(() => jobs.finish(job, { state: 'completed', message, now: now(), keptUntil }))
    if (isRecorded === undefined) return requeue(job)
    if (isRecorded) {
      await tidy(() => options.onCompleted?.(job))
      return onEvent('completed', job)
    }
    await tidy(() => options.onTooLate?.(job))
    onEvent('dropped', job)
  }

  async function fail(job: ClaimedJob, error: unknown): Promise<void> {
    const message = error instanceof TaskFailure ? error.userMessage : internalFailure(job)
    const isRecorded = await retry(() => jobs.finish(job, { state: 'failed', message, now: now() }))
    if (isRecorded === undefined) return requeue(job)
    if (isRecorded) await tidy(() => options.onFailed?.(job))
    onEvent(isRecorded ? 'failed' : 'dropped', job, error)
  }

  /** Other writers may lock the database for a long time; the job then continues from its checkpoint. */
  async function requeueAfterDelay(job: ClaimedJob): Promise<void> {
    await requeue(job)
    await sleep(RETRY_INTERVAL_MS)
  }

  async function requeue(job: ClaimedJob): Promise<void> {
    // If this cannot be stored before the worker stops, the next start requeues the job.
    await retry(() => jobs.release(job))
    onEvent('interrupted', job)
  }

  return { run, check: leases.check }
}

/** What cannot be removed now is removed by a later sweep; nothing else depends on it. */
export async function tidy(remove: () => Promise<void> | undefined): Promise<void> {
  await remove()?.catch(() => {})
}

function internalFailure({ taskId }: ClaimedJob): Message {
  return taskFailed(
    'The task failed because of an internal error.',
    `Look for task ${taskId} in the log of the server.`
  )
}
