/** Removes what nobody needs of the directory of archives: by who owns it, never by how old it is alone. */
import { isArchiveFileNeeded } from '../../core/storage/archive-file.ts'
import type { ArchiveStorage } from '../../core/storage/archive-storage.ts'
import type { ArchiveStore } from '../../store/tasks/archive-store.ts'

export const SWEEP_INTERVAL_MS = 3_600_000

const FILES_PER_STATEMENT = 500

/** Asks the database when it is this work's turn; the storage, which may be far away, is asked in between. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>

/**
 * Gives up the archives whose time is over, and removes what belongs to no export: archives that are given up, and
 * parts of those that are not being packed. Files with other names than this server gives are left alone.
 * @returns how many files were removed
 */
export async function sweepArchives(
  archives: ArchiveStore,
  storage: ArchiveStorage,
  now: Date,
  inTurn: InTurn = (work) => work()
): Promise<number> {
  // The files are listed first: whatever comes into being meanwhile has an owner by the time it is asked for.
  const files = await storage.ownFiles()
  await inTurn(async () => {
    await archives.expire(now)
    await archives.forgetStreamed(now)
  })
  let removed = 0
  for (let start = 0; start < files.length; start += FILES_PER_STATEMENT) {
    const some = files.slice(start, start + FILES_PER_STATEMENT)
    const owned = await inTurn(() => archives.ownedNames(some.map((file) => file.archiveName)))
    for (const file of some) {
      if (isArchiveFileNeeded(file, owned.get(file.archiveName))) continue
      await storage.remove(file.fileName)
      removed += 1
    }
  }
  return removed
}
