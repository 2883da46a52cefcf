/** Keeps the worker's threads running: starts them, wakes them, starts them anew when one dies, and stops them. */
import { Worker } from 'node:worker_threads'
import type { TaskKind } from '../core/task.ts'
import type { TaskStore } from '../store/task-store.ts'
import type { LaneCommand, LaneReport } from './lane-thread.ts'
import type { WorkerSettings } from './settings.ts'
import { threadFile } from './thread-file.ts'

export interface SupervisorOptions {
  readonly settings: WorkerSettings
  readonly tasks: TaskStore
  /** How many archives are packed at the same time. */
  readonly exportThreads: number
  readonly onReport: (report: LaneReport) => void
  /** A thread died; another one takes its place. */
  readonly onCrash: (kind: TaskKind, error: unknown) => void
}

export interface Supervisor {
  /** There is new work of this kind. */
  wake(kind: TaskKind): void
  /** Resolves when no thread runs any more. Tasks that were running go on after the next start. */
  stop(): Promise<void>
}

/** Long enough that a thread which cannot start does not take a whole core. */
const RESTART_DELAY_MS = 1_000

interface Slot {
  readonly kind: TaskKind
  readonly file: string
  thread: Worker | undefined
}

/** Puts the tasks of a former process back in the queue, and starts the threads. */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const { settings, tasks, onReport, onCrash } = options
  const exportFile = threadFile('export-thread', import.meta)
  const slots: Slot[] = [
    ...Array.from(
      { length: options.exportThreads },
      () => ({ kind: 'export', file: exportFile, thread: undefined }) as Slot
    ),
    { kind: 'scan', file: threadFile('scan-thread', import.meta), thread: undefined }
  ]
  const restarts = new Set<NodeJS.Timeout>()
  let isStopping = false

  function start(slot: Slot): void {
    const thread = new Worker(slot.file, { workerData: settings })
    slot.thread = thread
    let failure: unknown
    thread.on('message', onReport)
    thread.on('error', (error) => {
      failure = error
    })
    thread.on('exit', () => {
      slot.thread = undefined
      if (!isStopping) void replace(slot, failure)
    })
  }

  async function replace(slot: Slot, failure: unknown): Promise<void> {
    onCrash(slot.kind, failure)
    // With several export threads the others still run their tasks: these may not be queued a second time.
    if (slots.every((other) => other.kind !== slot.kind || other.thread === undefined)) {
      await tasks.requeueRunning(slot.kind).catch((error) => onCrash(slot.kind, error))
    }
    const timer = setTimeout(() => {
      restarts.delete(timer)
      start(slot)
    }, RESTART_DELAY_MS)
    restarts.add(timer)
  }

  for (const kind of ['export', 'scan'] as const) await tasks.requeueRunning(kind)
  for (const slot of slots) start(slot)

  return {
    wake(kind) {
      for (const slot of slots) if (slot.kind === kind) slot.thread?.postMessage('wake' satisfies LaneCommand)
    },
    async stop() {
      isStopping = true
      for (const timer of restarts) clearTimeout(timer)
      await Promise.all(slots.map(({ thread }) => thread && ended(thread)))
    }
  }
}

function ended(thread: Worker): Promise<void> {
  return new Promise((resolve) => {
    thread.once('exit', () => resolve())
    thread.postMessage('stop' satisfies LaneCommand)
  })
}
