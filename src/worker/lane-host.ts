/** What all lanes have in common: a connection, recorded progress, and how they are woken, stopped and reported on. */
import type { Message } from '../core/message.ts'
import type { TaskKind } from '../core/task.ts'
import { type Depot, openDatabase } from '../store/database.ts'
import { type ClaimedTask, createTaskStore, type TaskStore } from '../store/task-store.ts'
import { startLane, TaskFailure } from './lane.ts'
import type { LanePort, LaneReport } from './lane-port.ts'
import { createProgressRecorder } from './progress-recorder.ts'
import type { WorkerSettings } from './settings.ts'

export interface LaneContext {
  readonly settings: WorkerSettings
  /** The lane's only connection. */
  readonly db: Depot
  readonly tasks: TaskStore
}

/** How the tasks of a lane are run. */
export interface PreparedLane {
  run(run: LaneRun): Promise<Message>
  /** Removes what the attempts of a task have left that is tried no more. */
  giveUp(task: ClaimedTask): void
  close(): Promise<void>
}

export interface LaneRun {
  readonly task: ClaimedTask
  readonly signal: AbortSignal
  readonly onProgress: (progress: { packagesDone: number; bytesDone: number }) => void
}

/**
 * Turns this thread or process into a lane. It ends after a `stop`, and when it is to end with the last task that waits.
 * @param prepare makes what all tasks of the lane share
 */
export function hostLane(
  port: LanePort,
  kind: TaskKind,
  whenIdle: 'wait' | 'end',
  prepare: (context: LaneContext) => PreparedLane
): void {
  const { settings } = port
  const db = openDatabase({ file: settings.databaseFile })
  const tasks = createTaskStore(db)
  const prepared = prepare({ settings, db, tasks })

  const lane = startLane({
    kind,
    tasks,
    async run(task, signal) {
      const recorder = createProgressRecorder((progress) => tasks.saveProgress(task.id, progress))
      try {
        return await prepared.run({ task, signal, onProgress: (progress) => recorder.record(progress) })
      } finally {
        await recorder.end()
      }
    },
    onGiveUp: (task) => prepared.giveUp(task),
    onStart: (task) => report(task, 'started'),
    onEnd: (task, error) => (error === undefined ? report(task, 'completed') : report(task, 'failed', error)),
    whenIdle,
    now: () => new Date()
  })

  function report(task: ClaimedTask, event: LaneReport['event'], error?: unknown): void {
    const { id: taskId, kind, attempt } = task
    const failure = error === undefined ? {} : { failure: toFailure(error) }
    port.report({ event, taskId, kind, attempt, ...failure })
  }

  port.onCommand((command) => {
    if (command === 'wake') lane.wake()
    if (command === 'stop') void lane.stop()
  })
  void lane.ended.then(async () => {
    await prepared.close()
    await db.destroy()
    port.close()
  })
}

function toFailure(error: unknown): NonNullable<LaneReport['failure']> {
  const text = error instanceof Error ? error.message : String(error)
  const stack = error instanceof Error ? (error.stack ?? text) : text
  return { text, stack, isExpected: error instanceof TaskFailure }
}
