/** The plan of an archive: a selection, resolved into the exact bytes that it makes. */
import type { PlacedEntry } from '../../zip/layout.ts'

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
