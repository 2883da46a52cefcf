/** The commands that start tasks, and end them. */
import type { Deletion, DeletionRequest } from '../catalog/deletion.ts'
import type { Message } from '../problems/message.ts'
import type { Task } from '../tasks/task.ts'
import type { Preflight, Selection } from './export.ts'
import type { Plan } from './plan.ts'

/** Who asks for what. */
export interface ExportRequest {
  readonly selection: Selection
  readonly requestedBy: string
}

/** The task that was started, and what the caller should know of it beforehand. */
export interface AcceptedTask {
  readonly task: Task
  readonly notes: readonly Message[]
}

/** What became of a task that was to be canceled. */
export interface CanceledTask {
  readonly taskId: number
  /** False when it had ended before. */
  readonly isCanceledNow: boolean
}

/**
 * Starts background work, and ends it early. Once a promise is fulfilled, the task is on the disk in that state, and
 * survives a crash.
 */
export interface TaskCommands {
  /**
   * An export of the same content that is in progress or kept is shared: the caller gets a task of its own.
   * @throws Problem FIXID_UNKNOWN with every fixid that the catalog does not have, or SPACE_INSUFFICIENT; then no task
   * exists
   */
  requestExport(request: ExportRequest): Promise<AcceptedTask>
  /**
   * What an export of this would be. Nothing is changed.
   * @throws Problem FIXID_UNKNOWN, SELECTION_EMPTY
   */
  planExport(selection: Selection): Promise<Preflight>
  /**
   * The plan of an archive that is read without being packed; it is kept for a day since it was last asked for.
   * @throws Problem FIXID_UNKNOWN, SELECTION_EMPTY
   */
  planDownload(selection: Selection): Promise<Plan>
  /** A scan that still waits serves every caller who asks before it starts; each gets a task of its own. */
  requestScan(requestedBy: string): Promise<AcceptedTask>
  /**
   * Cancels tasks permanently. A job without a waiting task is stopped, and its files are removed within a second.
   * @throws Problem TASK_UNKNOWN with every id that no task has; then none is canceled
   */
  cancelTasks(taskIds: readonly number[]): Promise<CanceledTask[]>
  /**
   * Takes packages out of the repository, and out of the catalog at once; what is left is read again by the task it
   * names.
   * @throws Problem FIXID_UNKNOWN, PACKAGE_IN_USE, PACKAGE_IMPORTED or REPOSITORY_NOT_WRITABLE; then nothing is changed
   */
  deletePackages(request: DeletionRequest): Promise<Deletion>
  /**
   * Cancels those of the tasks that have not ended, and forgets those that have. Archives stay as long as they are
   * kept.
   * @throws Problem TASK_UNKNOWN with every id that no task has; then nothing is changed
   */
  deleteTasks(taskIds: readonly number[]): Promise<void>
}
