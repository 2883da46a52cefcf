/** Changes of exports, for all event streams: one reader of the tasks for any number of streams. */
import type { Task, TaskReader } from '../../../core/tasks/task.ts'

/**
 * Called for every changed export, with its current state. Several changes between two reads are reported as one.
 * @param endNumber all exports that ended with this number or a smaller one have been reported
 */
export type ExportListener = (task: Task, endNumber: number) => void

export interface ExportFeed {
  follow(): Promise<ExportFollower>
}

export interface ExportFollower {
  /** The last end number before it began to follow. */
  readonly endNumber: number
  /** The exports that had not ended then, oldest first, at most MAX_LIVE_EXPORTS. */
  readonly live: readonly Task[]
  /** Calls the listener for all changes since it began to follow, and from now on. */
  deliverTo(listener: ExportListener): void
  stop(): void
}

/** If more exports are live, the newest are reported when older ones have ended. */
const MAX_LIVE_EXPORTS = 1_000

const MAX_ENDED_AT_ONCE = 500

/** The longest time between two reads when no notification arrives. */
const MAX_SILENCE_MS = 3_000

export interface ExportFeedOptions {
  readonly tasks: TaskReader
  readonly intervalMs: number
  /** Subscribes to notifications of changes; without it, every interval reads. */
  readonly onChange?: ((listener: () => void) => () => void) | undefined
  /** A read of the tasks failed; the reads continue. */
  readonly onError: (error: unknown) => void
}

/** Reads only while there are followers. */
export function createExportFeed({ tasks, intervalMs, onChange, onError }: ExportFeedOptions): ExportFeed {
  const listeners = new Set<ExportListener>()
  let live: readonly Task[] = []
  let endNumber = 0
  let isDue = false
  let last: Promise<unknown> = Promise.resolve()

  /** Reads one after the other, so that reports are in order. */
  function enqueue<Result>(job: () => Promise<Result>): Promise<Result> {
    const result = last.then(job)
    last = result.catch(() => {})
    return result
  }

  const report = (task: Task) => {
    for (const listener of listeners) listener(task, endNumber)
  }

  async function read(): Promise<void> {
    for (let more = true; more; ) {
      const ended = await tasks.endedTasks('export', endNumber, MAX_ENDED_AT_ONCE)
      for (const { endNumber: number, task } of ended) {
        endNumber = number
        report(task)
      }
      more = ended.length === MAX_ENDED_AT_ONCE
    }
    const reported = new Map(live.map((task) => [task.id, stateKey(task)]))
    live = await tasks.liveTasks('export', MAX_LIVE_EXPORTS)
    for (const task of live) if (reported.get(task.id) !== stateKey(task)) report(task)
  }

  function readLater(): void {
    if (isDue || listeners.size === 0) return
    isDue = true
    setTimeout(async () => {
      await change()
      await enqueue(read).catch(onError)
      isDue = false
      readLater()
    }, intervalMs)
  }

  let hasChanged = false
  let onChanged = () => {}
  onChange?.(() => {
    hasChanged = true
    onChanged()
  })

  /** Resolves when exports can have changed since the last read, or after MAX_SILENCE_MS: notifications can be lost. */
  async function change(): Promise<void> {
    if (onChange !== undefined && !hasChanged) {
      const { promise, resolve } = Promise.withResolvers<void>()
      onChanged = resolve
      const timer = setTimeout(resolve, MAX_SILENCE_MS).unref()
      await promise
      clearTimeout(timer)
    }
    hasChanged = false
  }

  async function join(): Promise<ExportFollower> {
    // Exports that ended without followers are not reported.
    if (listeners.size === 0) endNumber = await tasks.lastEndNumber()
    await read()
    // Only the last state of each export: the client can be slow to receive earlier events.
    const undelivered = new Map<number, Parameters<ExportListener>>()
    let listener: ExportListener = (task, number) => {
      undelivered.delete(task.id)
      undelivered.set(task.id, [task, number])
    }
    const deliver: ExportListener = (...change) => listener(...change)
    listeners.add(deliver)
    readLater()
    return {
      endNumber,
      live,
      deliverTo(target) {
        listener = target
        for (const change of undelivered.values()) target(...change)
      },
      stop: () => listeners.delete(deliver)
    }
  }

  return { follow: () => enqueue(join) }
}

/** Changes whenever the export does. */
export function stateKey({ state, packagesDone, bytesDone }: Task): string {
  return `${state}.${packagesDone}.${bytesDone}`
}
