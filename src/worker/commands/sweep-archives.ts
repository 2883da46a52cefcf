/** Removes archives and parts of archives that no export owns. Age alone never removes a file. */
import { isArchiveFileNeeded } from '../../core/storage/archive-file.ts'
import type { ArchiveStorage } from '../../core/storage/archive-storage.ts'
import type { ArchiveStore } from '../../store/tasks/archive-store.ts'

export const SWEEP_INTERVAL_MS = 3_600_000

const FILES_PER_STATEMENT = 500

/** Runs database statements in the queue of the thread; calls of the storage, which may be remote, run outside it. */
export type RunInQueue = <T>(run: () => Promise<T>) => Promise<T>

/**
 * Expires archives, and removes the files that belong to no export: expired archives, and parts of archives that are
 * not being packed. Files whose names this server does not give are left alone.
 * @returns how many files were removed
 */
export async function sweepArchives(
  archives: ArchiveStore,
  storage: ArchiveStorage,
  now: Date,
  runInQueue: RunInQueue = (run) => run()
): Promise<number> {
  // The files are listed first: a file that is created meanwhile is not in the list.
  const files = await storage.ownFiles()
  await runInQueue(async () => {
    await archives.expire(now)
    await archives.forgetStreamed(now)
  })
  let removed = 0
  for (let start = 0; start < files.length; start += FILES_PER_STATEMENT) {
    const some = files.slice(start, start + FILES_PER_STATEMENT)
    const owned = await runInQueue(() => archives.ownedNames(some.map((file) => file.archiveName)))
    for (const file of some) {
      if (isArchiveFileNeeded(file, owned.get(file.archiveName))) continue
      await storage.remove(file.fileName)
      removed += 1
    }
  }
  return removed
}
