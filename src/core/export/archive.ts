/** Archives, as those who download them see them. */
import type { LinkedHeaders } from '../storage/archive-storage.ts'
import type { OpenFile } from '../storage/open-file.ts'
import type { Plan } from './plan.ts'

export interface Archives {
  /**
   * A finished archive. Undefined when no completed export made one of this name.
   * @throws Problem ARCHIVE_GONE when it is no longer kept
   */
  open(name: string): Promise<OpenFile | undefined>
  /**
   * A URL with which every client can download a finished archive for some minutes: a secret, which is never logged.
   * Undefined where this server sends all archives itself.
   * @throws Problem ARCHIVES_UNAVAILABLE
   */
  readonly linkTo?: ((name: string, headers: LinkedHeaders) => Promise<string>) | undefined
  /**
   * The archive of a plan before it is packed, made of the repository's files as it is read. A file that has changed
   * since it was planned makes the reading fail before its last byte is given.
   */
  openStreamed(plan: Plan, archive: PlannedArchiveFacts): OpenFile
}

export interface PlannedArchiveFacts {
  readonly name: string
  readonly modifiedAt: Date
}
