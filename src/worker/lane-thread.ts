/** What the threads that run lanes have in common: how they are woken, stopped, and what they report. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Message } from '../core/message.ts'
import type { TaskKind } from '../core/task.ts'
import { type Depot, openDatabase } from '../store/database.ts'
import { type ClaimedTask, createTaskStore, type TaskStore } from '../store/task-store.ts'
import { startLane, TaskFailure } from './lane.ts'
import { createProgressRecorder } from './progress-recorder.ts'
import type { WorkerSettings } from './settings.ts'

/** From the supervisor to the thread. */
export type LaneCommand = 'wake' | 'stop'

/** From the thread to the supervisor: how a task ended. */
export interface LaneReport {
  readonly taskId: number
  readonly kind: TaskKind
  readonly attempt: number
  /** Set when the task failed. */
  readonly failure?: { readonly text: string; readonly stack: string; readonly isExpected: boolean }
}

export interface LaneContext {
  readonly settings: WorkerSettings
  /** The thread's own connection. */
  readonly db: Depot
  readonly tasks: TaskStore
}

export interface LaneRun {
  readonly task: ClaimedTask
  readonly signal: AbortSignal
  readonly onProgress: (progress: { packagesDone: number; bytesDone: number }) => void
}

/**
 * Turns this thread into a lane. It ends after a `stop`.
 * @param prepare makes what all tasks of the lane share, and gives back how one is run
 */
export function runLaneThread(
  kind: TaskKind,
  prepare: (context: LaneContext) => { run: (run: LaneRun) => Promise<Message>; close: () => Promise<void> }
): void {
  const port = parentPort
  if (port === null) throw new Error('A lane runs in a thread of its own')
  const settings: WorkerSettings = workerData
  const db = openDatabase({ file: settings.databaseFile })
  // Progress may be lost in a crash of the machine: it does not wait for the disk that the archive is being written to.
  const progressDb = openDatabase({ file: settings.databaseFile, durability: 'normal' })
  const tasks = createTaskStore(db)
  const progressTasks = createTaskStore(progressDb)
  const prepared = prepare({ settings, db, tasks })

  const lane = startLane({
    kind,
    tasks,
    async run(task, signal) {
      const recorder = createProgressRecorder((progress) => progressTasks.saveProgress(task.id, progress))
      try {
        return await prepared.run({ task, signal, onProgress: (progress) => recorder.record(progress) })
      } finally {
        await recorder.end()
      }
    },
    onEnd: (task, error) => port.postMessage(toReport(task, error)),
    now: () => new Date()
  })

  port.on('message', async (command: LaneCommand) => {
    if (command === 'wake') lane.wake()
    else {
      await lane.stop()
      await prepared.close()
      await progressDb.destroy()
      await db.destroy()
      port.close()
    }
  })
}

function toReport(task: ClaimedTask, error: unknown): LaneReport {
  const { id: taskId, kind, attempt } = task
  if (error === undefined) return { taskId, kind, attempt }
  const text = error instanceof Error ? error.message : String(error)
  const stack = error instanceof Error ? (error.stack ?? text) : text
  return { taskId, kind, attempt, failure: { text, stack, isExpected: error instanceof TaskFailure } }
}
