/**
 * The loop of a worker: claim, run, finish, wait. A lane does one piece of work at a time; what waits is in the
 * database, so nothing is lost with the lane.
 */
import { isRetryable } from '../../core/problems/database-error.ts'
import { type Message, taskFailed } from '../../core/problems/message.ts'
import { type ClaimedJob, LeaseLost } from '../../core/tasks/job.ts'
import type { TaskKind } from '../../core/tasks/task.ts'
import type { CatalogLock } from '../../store/cluster/catalog-lock.ts'
import type { JobStore } from '../../store/tasks/job-store.ts'

/** Work that ends as failed, with what its callers are told. */
export class TaskFailure extends Error {
  readonly userMessage: Message

  constructor(userMessage: Message, cause: unknown) {
    super(userMessage.text, { cause })
    this.name = 'TaskFailure'
    this.userMessage = userMessage
  }
}

/** Why a run was interrupted that goes on with the next start. */
export class LoopStopped extends Error {
  override readonly name = 'LaneStopped'
}

/** `dropped`: nobody waits for it any more, or somebody else has it. `interrupted`: it goes on with the next start. */
export type JobEvent = 'started' | 'completed' | 'failed' | 'dropped' | 'interrupted'

export interface JobLoopOptions {
  /** Work of these kinds, the oldest first. */
  readonly kinds: readonly TaskKind[]
  /** Of the process: whose lease it is. */
  readonly owner: string
  readonly jobs: JobStore
  /** Where other servers have such a lane too, of which one works at a time. */
  readonly lock?: CatalogLock | undefined
  /** Does claimed work to its end, and gives back the message of success. */
  readonly run: (job: ClaimedJob, signal: AbortSignal) => Promise<Message>
  /** Told of work whose success is recorded. */
  readonly onCompleted?: (job: ClaimedJob) => Promise<void>
  /** Told of work whose success came too late: it had been canceled. Removes what the run has made. */
  readonly onTooLate?: (job: ClaimedJob) => Promise<void>
  /** Told of work that has failed for good: removes what its runs have left. */
  readonly onFailed?: (job: ClaimedJob) => Promise<void>
  /**
   * Called when nothing waits, and nobody else has the turn: removes what is left of work that has ended without any of
   * these.
   */
  readonly sweep?: () => Promise<void>
  /**
   * Told when nothing waits any more: once after work, and once after each time that the lane was woken for nothing.
   */
  readonly onIdle?: () => void
  /**
   * How often it looks by itself whether what runs is still wanted, in milliseconds: others may cancel it, and die
   * before they tell.
   */
  readonly checkIntervalMs?: number | undefined
  /** Told what happens; `error` says why it failed. */
  readonly onEvent: (event: JobEvent, job: ClaimedJob, error?: unknown) => void
  /** True for errors of the database that pass; then the lane tries again. */
  readonly isTransient: (error: unknown) => boolean
  /** How long a finished archive is kept from now on, in milliseconds. */
  readonly archiveTtlMs: number
  readonly now: () => Date
}

export interface JobLoop {
  /** There may be work. */
  wake(): void
  /** Interrupts what runs, puts it back in the queue, and resolves when nothing runs any more. */
  stop(): Promise<void>
  /** Looks whether what runs is still wanted, and interrupts it if not. */
  check(): Promise<void>
  /** Resolves when the lane has come to its end; rejects when it could not go on. */
  readonly ended: Promise<void>
}

/** New work wakes the lane; this is the net below. */
const POLL_INTERVAL_MS = 2_000

/** After an error of the database that passes. */
const RETRY_INTERVAL_MS = 500

/** Work whose worker died so many times would only make the next one die too. */
const MAX_CRASHES = 3

export function startJobLoop(options: JobLoopOptions): JobLoop {
  const { jobs, onEvent, now } = options
  const stop = new AbortController()
  let alarm = Promise.withResolvers<void>()
  let isIdle = false
  let unanswered: Date | undefined
  let running: { readonly job: ClaimedJob; readonly abort: AbortController } | undefined

  async function loop(): Promise<void> {
    while (!stop.signal.aborted) {
      const job = await persist(claimUnderLock)
      if (job !== undefined) await runJob(job)
      // With its connection the turn is gone anyway.
      await options.lock?.release().catch(() => {})
      if (job === undefined) {
        if (stop.signal.aborted) return
        if (!isIdle) options.onIdle?.()
      }
      isIdle = job === undefined
      if (isIdle) await sleep(POLL_INTERVAL_MS)
    }
  }

  /** What may have been claimed without an answer is put back first: nobody would ever do it. */
  async function claimUnderLock(): Promise<ClaimedJob | undefined> {
    if (unanswered !== undefined) await jobs.releaseClaim(options.owner, unanswered)
    unanswered = undefined
    if (options.lock !== undefined && !(await options.lock.acquire())) return undefined
    const job = await claim()
    if (job === undefined) await tidy(() => options.sweep?.())
    return job
  }

  async function claim(): Promise<ClaimedJob | undefined> {
    unanswered = now()
    const job = await jobs.claimNext(options.kinds, options.owner, unanswered)
    unanswered = undefined
    return job
  }

  async function sleep(milliseconds: number): Promise<void> {
    const timer = setTimeout(() => alarm.resolve(), milliseconds)
    await alarm.promise
    clearTimeout(timer)
    alarm = Promise.withResolvers()
  }

  /** Until the database takes it; undefined when the lane is stopped before. */
  async function persist<T>(action: () => Promise<T>): Promise<T | undefined> {
    for (;;) {
      try {
        return await action()
      } catch (error) {
        if (!options.isTransient(error)) throw error
      }
      if (stop.signal.aborted) return undefined
      await sleep(RETRY_INTERVAL_MS)
    }
  }

  /** Whatever the run throws, the work ends in a final state; only a stop leaves it to the next start. */
  async function runJob(job: ClaimedJob): Promise<void> {
    onEvent('started', job)
    const abort = new AbortController()
    running = { job, abort }
    const onStop = () => abort.abort(new LoopStopped())
    stop.signal.addEventListener('abort', onStop)
    if (stop.signal.aborted) onStop()
    const looking = checkRegularly()
    try {
      if (job.crashes >= MAX_CRASHES) throw new Error(`${MAX_CRASHES} workers have died of work ${job.jobId}`)
      await complete(job, await options.run(job, abort.signal))
    } catch (error) {
      const cause = abort.signal.aborted ? abort.signal.reason : error
      if (cause instanceof LoopStopped) await interrupt(job)
      else if (cause instanceof LeaseLost) onEvent('dropped', job)
      else if (isRetryable(cause instanceof TaskFailure ? cause.cause : cause)) await tryLater(job)
      else await fail(job, cause)
    } finally {
      clearInterval(looking)
      stop.signal.removeEventListener('abort', onStop)
      running = undefined
    }
  }

  /** One look at a time: where the database is slow, the next ones are left out. */
  function checkRegularly(): NodeJS.Timeout | undefined {
    if (options.checkIntervalMs === undefined) return undefined
    let isLooking = false
    const look = async () => {
      if (isLooking) return
      isLooking = true
      await check()
      isLooking = false
    }
    return setInterval(look, options.checkIntervalMs).unref()
  }

  async function check(): Promise<void> {
    if (running === undefined) return
    const { job, abort } = running
    const isHeld = await jobs.isHeld(job).catch((error) => {
      // The next write finds out.
      if (options.isTransient(error)) return true
      throw error
    })
    if (!isHeld) abort.abort(new LeaseLost(job))
  }

  async function complete(job: ClaimedJob, message: Message): Promise<void> {
    const keptUntil = new Date(now().getTime() + options.archiveTtlMs)
    const isDone = await persist(() => jobs.finish(job, { state: 'completed', message, now: now(), keptUntil }))
    if (isDone === undefined) return interrupt(job)
    if (isDone) {
      await tidy(() => options.onCompleted?.(job))
      return onEvent('completed', job)
    }
    await tidy(() => options.onTooLate?.(job))
    onEvent('dropped', job)
  }

  async function fail(job: ClaimedJob, error: unknown): Promise<void> {
    const message = error instanceof TaskFailure ? error.userMessage : internalFailure(job)
    const isDone = await persist(() => jobs.finish(job, { state: 'failed', message, now: now() }))
    if (isDone === undefined) return interrupt(job)
    if (isDone) await tidy(() => options.onFailed?.(job))
    onEvent(isDone ? 'failed' : 'dropped', job, error)
  }

  /** Many who write keep others out for long; the work has its turn again, and goes on at its checkpoint. */
  async function tryLater(job: ClaimedJob): Promise<void> {
    await interrupt(job)
    await sleep(RETRY_INTERVAL_MS)
  }

  async function interrupt(job: ClaimedJob): Promise<void> {
    // If it cannot be written before the lane stops, the next start puts the work back in the queue.
    await persist(() => jobs.release(job))
    onEvent('interrupted', job)
  }

  const ended = loop()
  return {
    ended,
    wake() {
      isIdle = false
      alarm.resolve()
    },
    async stop() {
      stop.abort()
      alarm.resolve()
      await ended
    },
    check
  }
}

/** What cannot be removed now is swept later; nothing else depends on it. */
async function tidy(remove: () => Promise<void> | undefined): Promise<void> {
  await remove()?.catch(() => {})
}

function internalFailure({ taskId }: ClaimedJob): Message {
  return taskFailed(
    'The task failed because of an internal error.',
    `Look for task ${taskId} in the log of the server.`
  )
}
