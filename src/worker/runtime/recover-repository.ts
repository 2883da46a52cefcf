/** Ends what servers have begun in the repository that have gone since. */
import type { Kysely } from 'kysely'
import { isSystemError } from '../../core/problems/system-error.ts'
import { createIncomingDirectory } from '../../storage/disk/incoming-directory.ts'
import type { RepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import { knownFiles } from '../../store/catalog/deletion-store.ts'
import type { Schema } from '../../store/engine/schema.ts'
import { createImportStore } from '../../store/imports/import-store.ts'

/** What is begun with another server may be here before the database knows it. */
const FRESH_MS = 3_600_000

/**
 * In a transaction that has the right to write: no server deletes anything meanwhile. What cannot be brought back now
 * is still there the next time.
 * @param isGone see `RepositoryDirectory.recover`
 */
export async function recoverDeletions(
  trx: Kysely<Schema>,
  repository: Pick<RepositoryDirectory, 'recover'>,
  isGone?: (owner: string) => boolean
): Promise<void> {
  await repository.recover((paths) => knownFiles(trx, paths), isGone).catch(tolerateSystemError)
}

/**
 * What came in for an import that does not exist, or has ended.
 * @param isAlone whether no other server receives anything
 */
export async function removeAbandonedUploads(
  db: Kysely<Schema>,
  stagingDirectory: string,
  isAlone: boolean
): Promise<void> {
  const incoming = createIncomingDirectory(stagingDirectory)
  try {
    const candidates = isAlone ? incoming.directories() : incoming.directoriesBefore(new Date(Date.now() - FRESH_MS))
    // The directories are listed first: whatever comes into being meanwhile is none of them.
    const live = await createImportStore(db).liveDirectories()
    for (const directory of candidates) if (!live.has(directory)) incoming.remove(directory)
  } catch (error) {
    tolerateSystemError(error)
  }
}

/** A file system that cannot be used now does not stop the start. */
export function tolerateSystemError(error: unknown): void {
  if (!isSystemError(error)) throw error
}
