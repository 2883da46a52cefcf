/**
 * Places the files of a selection in an archive: every entry's offset, the archive's size, and the digest that names
 * it.
 */
import { createHash } from 'node:crypto'
import { digestLine, type Plan, type PlanEntry } from '../../core/export/plan.ts'
import type { SelectedPackage } from '../../store/catalog/selection-store.ts'
import { centralHeaderSize, endSize, localHeaderSize } from '../../zip/layout.ts'

/** Places packages in the order in which they are given. */
export interface ArchivePlanner {
  /** The entries of some more packages. A file that stands in the archive already is not placed again. */
  place(packages: readonly SelectedPackage[]): PlanEntry[]
  /** The plan of all that was placed. */
  finish(planId: number): Plan
}

/**
 * @param sharedFiles the files that belong to several packages: only of these it has to be remembered where they are
 */
export function createArchivePlanner(sharedFiles: ReadonlySet<number>): ArchivePlanner {
  const placed = new Set<number>()
  const digest = createHash('sha256')
  let position = 0
  let offset = 0
  let directorySize = 0
  let packageCount = 0

  function placeFile(file: SelectedPackage['files'][number], fixid: string): PlanEntry {
    const { id: _, ...facts } = file
    const entry = { ...facts, position, offset, fixid, packagesDone: packageCount }
    digest.update(digestLine(facts))
    directorySize += centralHeaderSize(facts, offset)
    offset += localHeaderSize(facts) + file.size
    position += 1
    return entry
  }

  return {
    place(packages) {
      const entries: PlanEntry[] = []
      for (const item of packages) {
        if (item.files.length === 0) continue
        const own = item.files.filter((file) => !placed.has(file.id))
        for (const file of own) if (sharedFiles.has(file.id)) placed.add(file.id)
        const placedEntries = own.map((file) => placeFile(file, item.fixid))
        packageCount += 1
        const last = placedEntries.pop()
        entries.push(...placedEntries, ...(last === undefined ? [] : [{ ...last, packagesDone: packageCount }]))
      }
      return entries
    },

    finish(planId) {
      const end = endSize({ entryCount: position, offset, size: directorySize })
      return {
        id: planId,
        digest: digest.digest('hex'),
        packageCount,
        entryCount: position,
        directoryOffset: offset,
        archiveSize: offset + directorySize + end
      }
    }
  }
}
