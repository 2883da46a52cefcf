/** Exports: what a caller selects, and the plan of the archive that it becomes. */

import type { PlacedEntry } from '../../zip/layout.ts'
import type { PackageFilter } from '../catalog/catalog.ts'
import type { Deletion, DeletionRequest } from '../catalog/deletion.ts'
import type { FileScope } from '../catalog/file-scope.ts'
import type { Message } from '../problems/message.ts'
import type { Task } from '../tasks/task.ts'

/** What a caller asks to export. */
export interface Selection {
  /** The fixids of the packages; empty means all that fit the filter, and without one the whole repository. */
  readonly fixids: readonly string[]
  readonly filter?: PackageFilter
  /** Adds the packages that the selected ones require, and those that these require. */
  readonly withRequisites?: boolean
  readonly scope: FileScope
}

/** A file that a plan places in an archive; its path in the repository is its name in the archive. */
export interface PlanEntry extends PlacedEntry {
  /** Lower-case hex. */
  readonly sha256: string
  /** The package that it belongs to, for messages. */
  readonly fixid: string
  /** How many packages are whole once this entry is packed. */
  readonly packagesDone: number
}

/** A selection resolved into the exact archive that it makes. */
export interface Plan {
  readonly id: number
  /** SHA-256 over every entry's name, size, digests, time and method: equal digests, equal archives. Lower-case hex. */
  readonly digest: string
  readonly packageCount: number
  readonly entryCount: number
  /** Where the central directory begins. */
  readonly directoryOffset: number
  readonly archiveSize: number
}

/**
 * What an entry adds to the digest of its plan; the digest is the SHA-256 of these lines, in the order of the entries.
 */
export function digestLine(entry: Pick<PlanEntry, 'path' | 'size' | 'crc32' | 'sha256' | 'modifiedAt'>): string {
  const { path, size, crc32, sha256, modifiedAt } = entry
  return `${[path, size, crc32, sha256, modifiedAt, 'stored'].join('\0')}\n`
}

/** The plans of archives, for those who want to know what is in one. */
export interface PlanReader {
  /** The plan of the archive of this name, if it is there or will be: of others it is not kept what was in them. */
  findPlan(archiveName: string): Promise<Plan | undefined>
  /**
   * The entries of a plan in their order, a page at a time. They end early when the archive ceases to be kept
   * meanwhile.
   */
  entryPages(planId: number): AsyncIterable<PlanEntry[]>
}

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

/** What an export would be; true for the moment. */
export interface Preflight {
  readonly packageCount: number
  readonly entryCount: number
  /** Bytes of the archive. */
  readonly archiveSize: number
  /** Fixids of selected packages whose payload is not in the repository. */
  readonly withoutPayload: Sample
  /** Fixids of members that selected system packs list and the repository does not have. */
  readonly missingMembers: Sample
  /** The same for packages that selected ones require; only looked for when they are to be exported. */
  readonly missingRequisites: Sample
  /** Bytes that are free where archives are kept, and how many of these are reserved. */
  readonly freeBytes: number
  readonly reservedBytes: number
  /** An archive of this content is there, or being packed: it needs no room. */
  readonly isShared: boolean
}

/** How many of something there are, and the first few of them. */
export interface Sample {
  readonly count: number
  readonly first: readonly string[]
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
   * An export of the same content that is under way or kept is shared: the caller gets a task of its own.
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
   * Cancels tasks for good; work that nobody waits for any more is given up, and nothing is left of it within a second.
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

/** `repository<YYYYMMDDhhmmss>.zip` in UTC; `serial` is the number of further archives in the same second. */
export function archiveName(time: Date, serial: number): string {
  const stamp = time.toISOString().replace(/\D/g, '').slice(0, 14)
  return `repository${stamp}${serial === 0 ? '' : String(serial).padStart(3, '0')}.zip`
}
