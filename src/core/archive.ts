/** Archives, as those who download them see them. */
import type { Plan } from './export.ts'
import type { OpenFile } from './open-file.ts'

export interface Archives {
  /**
   * A finished archive. Undefined when no completed export made one of this name.
   * @throws Problem ARCHIVE_GONE when it is not kept any more
   */
  open(name: string): Promise<OpenFile | undefined>
  /**
   * The archive of a plan before it is packed, made of the repository's files as it is read. A file that has changed since it was planned
   * makes the reading fail before its last byte is given.
   */
  openPlanned(plan: Plan, archive: PlannedArchiveFacts): OpenFile
}

export interface PlannedArchiveFacts {
  readonly name: string
  readonly modifiedAt: Date
}
