/**
 * The loop of a worker: claim, run, finish, wait. A lane runs one task of its kind at a time; what waits is in the database,
 * so nothing is lost with the lane.
 */
import { type Message, taskFailed } from '../core/message.ts'
import type { TaskKind } from '../core/task.ts'
import type { ClaimedTask, TaskStore } from '../store/task-store.ts'

/** A task that ends as failed, with what its caller is told. */
export class TaskFailure extends Error {
  readonly userMessage: Message

  constructor(userMessage: Message, cause: unknown) {
    super(userMessage.text, { cause })
    this.name = 'TaskFailure'
    this.userMessage = userMessage
  }
}

export interface LaneOptions {
  readonly kind: TaskKind
  readonly tasks: TaskStore
  /** Runs a claimed task to its end, and gives back the message of success. */
  readonly run: (task: ClaimedTask, signal: AbortSignal) => Promise<Message>
  /** Told of a task that is tried no more: removes what its attempts have left. */
  readonly onGiveUp?: (task: ClaimedTask) => void
  /** Told of each task that is begun. */
  readonly onStart: (task: ClaimedTask) => void
  /** Told how each task ended; `error` is set when it failed. */
  readonly onEnd: (task: ClaimedTask, error?: unknown) => void
  /** `wait` for the next task, or `end` the lane. */
  readonly whenIdle: 'wait' | 'end'
  readonly now: () => Date
}

export interface Lane {
  /** There may be work. */
  wake(): void
  /** Interrupts the running task, which stays marked as running, and resolves when nothing runs any more. */
  stop(): Promise<void>
  /** Resolves when the lane has come to its end; rejects when it could not go on. */
  readonly ended: Promise<void>
}

/** New tasks wake the lane; this is the net below. */
const POLL_INTERVAL_MS = 2_000

/** A task whose worker died so many times would only make the next one die too. */
const MAX_ATTEMPTS = 3

export function startLane(options: LaneOptions): Lane {
  const stop = new AbortController()
  let alarm = Promise.withResolvers<void>()

  async function loop(): Promise<void> {
    while (!stop.signal.aborted) {
      const task = await options.tasks.claimNext(options.kind, options.now())
      if (task !== undefined) await runTask(task)
      else if (options.whenIdle === 'wait') await sleep()
      else return
    }
  }

  async function sleep(): Promise<void> {
    const timer = setTimeout(() => alarm.resolve(), POLL_INTERVAL_MS)
    await alarm.promise
    clearTimeout(timer)
    alarm = Promise.withResolvers()
  }

  /** Whatever the run throws, the task ends in a final state; only a stop leaves it to the next start. */
  async function runTask(task: ClaimedTask): Promise<void> {
    options.onStart(task)
    try {
      if (task.attempt > MAX_ATTEMPTS) {
        options.onGiveUp?.(task)
        throw new Error(`The worker ended ${MAX_ATTEMPTS} times while it ran task ${task.id}`)
      }
      const message = await options.run(task, stop.signal)
      await options.tasks.finish(task.id, { state: 'completed', message, now: options.now() })
      options.onEnd(task)
    } catch (error) {
      if (stop.signal.aborted) return
      const message = error instanceof TaskFailure ? error.userMessage : internalFailure(task)
      await options.tasks.finish(task.id, { state: 'failed', message, now: options.now() })
      options.onEnd(task, error)
    }
  }

  const ended = loop()
  return {
    ended,
    wake: () => alarm.resolve(),
    async stop() {
      stop.abort()
      alarm.resolve()
      await ended
    }
  }
}

function internalFailure(task: ClaimedTask): Message {
  return taskFailed(
    'The task failed because of an internal error.',
    `Look for task ${task.id} in the log of the server.`
  )
}
