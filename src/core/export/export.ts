/** Exports: what a caller selects, and the plan of the archive that it becomes. */

import type { PackageFilter } from '../catalog/catalog.ts'
import type { FileScope } from '../catalog/package.ts'

/** What a caller asks to export. */
export interface Selection {
  /** The fixids of the packages; empty means all that fit the filter, and without one the whole repository. */
  readonly fixids: readonly string[]
  readonly filter?: PackageFilter
  /** Adds the packages that the selected ones require, and those that these require. */
  readonly withRequisites?: boolean
  readonly scope: FileScope
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
