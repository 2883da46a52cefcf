/** What happens to exports, for all who follow them: one reader of the tasks, however many these are. */
import type { Task, TaskReader } from '../../../core/tasks/task.ts'

/**
 * Hears of every export that changes, in its present state. What comes between two readings is told as one.
 * @param endNumber all exports with this number and smaller ones have been told of
 */
export type ExportListener = (task: Task, endNumber: number) => void

export interface ExportFeed {
  follow(): Promise<ExportFollower>
}

export interface ExportFollower {
  /** How many tasks had ended when it began to follow. */
  readonly endNumber: number
  /** The exports that had not ended then, oldest first; of very many the first ones. */
  readonly live: readonly Task[]
  /** Tells the listener what has happened since, and from now on what happens. */
  deliverTo(listener: ExportListener): void
  stop(): void
}

/** When more exports wait, the newest are told of as they move up. */
const MAX_LIVE_EXPORTS = 1_000

const MAX_ENDED_AT_ONCE = 500

/** So long after a reading the next one comes without a word. */
const MAX_SILENCE_MS = 3_000

export interface ExportFeedOptions {
  readonly tasks: TaskReader
  readonly intervalMs: number
  /** Tells when there may be something to read; without it there may be at any time. */
  readonly onChange?: ((listener: () => void) => () => void) | undefined
  /** A reading of the tasks has failed; the next one comes all the same. */
  readonly onError: (error: unknown) => void
}

/** Reads while somebody follows, and only then. */
export function createExportFeed({ tasks, intervalMs, onChange, onError }: ExportFeedOptions): ExportFeed {
  const listeners = new Set<ExportListener>()
  let live: readonly Task[] = []
  let endNumber = 0
  let isDue = false
  let last: Promise<unknown> = Promise.resolve()

  /** One reading after the other, so that nothing is told in the wrong order. */
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

  /** Resolves when something may have changed since the last reading, or when that was long ago: a word can be lost. */
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
    // What has ended while nobody followed is no news.
    if (listeners.size === 0) endNumber = await tasks.lastEndNumber()
    await read()
    // Of each export the last state only: a client may be slow to take what came before.
    const undelivered = new Map<number, Parameters<ExportListener>>()
    let listener: ExportListener = (task, number) => {
      undelivered.delete(task.id)
      undelivered.set(task.id, [task, number])
    }
    const hear: ExportListener = (...change) => listener(...change)
    listeners.add(hear)
    readLater()
    return {
      endNumber,
      live,
      deliverTo(target) {
        listener = target
        for (const change of undelivered.values()) target(...change)
      },
      stop: () => listeners.delete(hear)
    }
  }

  return { follow: () => enqueue(join) }
}

/** Changes whenever the export does. */
export function stateKey({ state, packagesDone, bytesDone }: Task): string {
  return `${state}.${packagesDone}.${bytesDone}`
}
