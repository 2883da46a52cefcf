/** The archives that can be downloaded: those that are packed, and those that are only planned. */

import type { RepositoryFiles } from '../core/catalog/catalog.ts'
import type { Archives } from '../core/export/archive.ts'
import type { PlanEntry } from '../core/export/plan.ts'
import { Problem } from '../core/problems/problem.ts'
import { toArchivesProblem } from '../core/problems/storage-error.ts'
import type { ArchiveStorage } from '../core/storage/archive-storage.ts'
import type { ArchiveStore } from '../store/tasks/archive-store.ts'
import type { PlanStore } from '../store/tasks/plan-store.ts'
import { SourceChangedError } from '../zip/entry-source.ts'
import { StreamedArchive } from '../zip/streamed-archive.ts'

/** It has to be asked by then; how long the download takes is another matter. */
const LINK_SECONDS = 300
/** How many entries a download has in memory, for hours if its client is slow. */
const ENTRIES_PER_PAGE = 16

export interface ArchivesOptions {
  readonly store: Pick<ArchiveStore, 'findArchive'>
  readonly storage: Pick<ArchiveStorage, 'open' | 'temporaryUrl'>
  /** Whether those who download may be led to the storage, where it can be asked by others. */
  readonly isLinking?: boolean | undefined
  readonly plans: Pick<PlanStore, 'entryPages' | 'positionAt'>
  readonly files: RepositoryFiles
}

export function createArchives(options: ArchivesOptions): Archives {
  const { store, storage, plans, files } = options
  return {
    linkTo: options.isLinking ? linksOf(storage) : undefined,

    async open(name) {
      const known = await store.findArchive(name)
      if (known?.state === 'gone') throw new Problem('ARCHIVE_GONE', `The archive ${name} is no longer kept.`)
      if (known?.state !== 'kept') return undefined
      const opened = await storage.open(name, known.digest).catch((error) => Promise.reject(toArchivesProblem(error)))
      if (opened === undefined) throw new Problem('ARCHIVE_GONE', `The archive ${name} has been removed from the disk.`)
      return {
        ...opened,
        readInto: (buffer, position, end) =>
          opened.readInto(buffer, position, end).catch((error) => Promise.reject(toArchivesProblem(error)))
      }
    },

    openStreamed({ id, digest, archiveSize, directoryOffset, entryCount }, { name, modifiedAt }) {
      const archive = new StreamedArchive<PlanEntry>({
        directoryOffset,
        entries: (from) => plans.entryPages(id, from, ENTRIES_PER_PAGE),
        positionAt: (offset) => plans.positionAt(id, entryCount, offset),
        open: files.open
      })
      return {
        name,
        modifiedAt,
        digest,
        size: archiveSize,
        contentType: 'application/zip',
        readInto: (buffer, position) =>
          archive.readInto(buffer, position).catch((error) => {
            if (!(error instanceof SourceChangedError)) throw error
            throw new Problem('FILE_CHANGED', `The file ${error.message}.`, { cause: error })
          }),
        close: () => archive.close()
      }
    }
  }
}

function linksOf({ temporaryUrl }: Pick<ArchiveStorage, 'temporaryUrl'>): Archives['linkTo'] {
  if (temporaryUrl === undefined) return undefined
  return (name, headers) =>
    temporaryUrl(name, headers, LINK_SECONDS).catch((error) => Promise.reject(toArchivesProblem(error)))
}
