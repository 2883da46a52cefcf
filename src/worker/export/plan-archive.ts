/**
 * Plans an archive from the files of a selection: the offset of each entry, the size of the archive, and its digest.
 */
import { createHash } from 'node:crypto'
import { digestLine, type Plan, type PlanEntry } from '../../core/export/plan.ts'
import type { SelectedPackage } from '../../store/catalog/selection-store.ts'
import { centralHeaderSize, endSize, localHeaderSize } from '../../zip/layout.ts'

/** Adds packages in the order of the calls. */
export interface ArchivePlanner {
  /** Adds packages, and returns their entries. A file that is in the archive already gets no second entry. */
  add(packages: readonly SelectedPackage[]): PlanEntry[]
  /** The plan of all added packages. */
  finish(planId: number): Plan
}

/**
 * @param sharedFiles the files that belong to several packages: only these can be added twice
 */
export function createArchivePlanner(sharedFiles: ReadonlySet<number>): ArchivePlanner {
  const added = new Set<number>()
  const digest = createHash('sha256')
  let position = 0
  let offset = 0
  let directorySize = 0
  let packageCount = 0

  function addFile(file: SelectedPackage['files'][number], fixid: string): PlanEntry {
    const { id: _, ...facts } = file
    const entry = { ...facts, position, offset, fixid, packagesDone: packageCount }
    digest.update(digestLine(facts))
    directorySize += centralHeaderSize(facts, offset)
    offset += localHeaderSize(facts) + file.size
    position += 1
    return entry
  }

  return {
    add(packages) {
      const entries: PlanEntry[] = []
      for (const item of packages) {
        if (item.files.length === 0) continue
        const own = item.files.filter((file) => !added.has(file.id))
        for (const file of own) if (sharedFiles.has(file.id)) added.add(file.id)
        const ownEntries = own.map((file) => addFile(file, item.fixid))
        packageCount += 1
        const last = ownEntries.pop()
        entries.push(...ownEntries, ...(last === undefined ? [] : [{ ...last, packagesDone: packageCount }]))
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
