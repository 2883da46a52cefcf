/** Durable background work: what it is, which states it goes through, and who keeps it. */
import type { Message } from '../problems/message.ts'

/**
 * `export` packs an archive; `scan` reads the repository into the catalog; `import` takes files that were sent into it.
 */
export type TaskKind = 'export' | 'scan' | 'import'

/**
 * `queued`: waits for a worker, or for the files of an import; also what a running task becomes again when its worker
 * stopped or died.
 * `running`: a worker has claimed it.
 * `completed`, `failed`, `canceled`: final.
 */
export type TaskState = 'queued' | 'running' | 'completed' | 'failed' | 'canceled'

/** How far a task is. Counters only grow, and equal their totals when the task is completed. */
export interface TaskProgress {
  /** Whole packages that are done. */
  readonly packagesDone: number
  /** Bytes that are done; of an export, the durable bytes of the archive. */
  readonly bytesDone: number
}

export interface TaskRun {
  readonly startedAt: Date
  readonly bytesBefore: number
}

export interface Task extends TaskProgress {
  /** Never used again for another task. */
  readonly id: number
  readonly kind: TaskKind
  readonly state: TaskState
  readonly packagesTotal: number
  readonly bytesTotal: number
  /** The name of the archive an export makes; empty for other tasks. */
  readonly archiveName: string
  readonly createdBy: string
  readonly createdAt: Date
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
  /** Since when its worker has been at it, and how many bytes were done before; null unless it is running. */
  readonly run: TaskRun | null
  /** What it says to its caller, oldest first. */
  readonly messages: readonly Message[]
}

/** What readers of tasks can ask for. */
export interface TaskReader {
  /** The task with this id, if there is one. */
  findTask(id: number): Promise<Task | undefined>
  /** All tasks, the newest first, a page at a time. */
  taskPages(): AsyncIterable<Task[]>
  /** At most `limit` tasks of a kind and a state, or of all states, the newest first, with ids below `before`. */
  taskPage(
    which: { readonly kind: TaskKind; readonly state: TaskState | undefined },
    before: number,
    limit: number
  ): Promise<Task[]>
  /** The tasks that have not ended, oldest first, of one kind or of all; at most `limit`. */
  liveTasks(kind: TaskKind | undefined, limit: number): Promise<Task[]>
  /** Tasks of a kind that have ended, in the order in which they did, from behind that number on; at most `limit`. */
  endedTasks(kind: TaskKind, after: number, limit: number): Promise<EndedTask[]>
  /** The number of the task, of any kind, that has ended last; 0 before the first. */
  lastEndNumber(): Promise<number>
  /** The sums over all tasks that have not ended. */
  liveTotals(kind: TaskKind | undefined): Promise<LiveTotals>
}

/** A task that has ended, and the how many-th of all it was. */
export interface EndedTask {
  readonly endNumber: number
  readonly task: Task
}

/** The sums that one answer about all running tasks needs. */
export interface LiveTotals {
  readonly count: number
  readonly queued: number
  readonly packagesDone: number
  readonly packagesTotal: number
  readonly bytesDone: number
  readonly bytesTotal: number
}

/** Whether it is in a final state. */
export function hasEnded({ state }: Pick<Task, 'state'>): boolean {
  return state !== 'queued' && state !== 'running'
}
