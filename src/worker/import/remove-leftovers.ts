/** Removes from the incoming directory what imports and uploads have left that have ended. */
import type { Kysely } from 'kysely'
import { tolerateSystemError } from '../../core/problems/system-error.ts'
import { createIncomingDirectory, type IncomingDirectory } from '../../storage/disk/incoming-directory.ts'
import type { Database } from '../../store/engine/database.ts'
import type { Schema } from '../../store/engine/schema.ts'
import { createImportStore } from '../../store/imports/import-store.ts'

/** How long an announced import waits for its files, and a file for the metadata of its package. */
export const ANNOUNCEMENT_TTL_MS = 3_600_000

/** A directory that a peer has just created may not be in the database yet. */
const FRESH_MS = 3_600_000

/** Removes the files of imports that have ended. @param isClaimed see ImportStore.ended */
export async function removeEndedImports(db: Database, incoming: IncomingDirectory, isClaimed: boolean): Promise<void> {
  const imports = createImportStore(db)
  for (const { jobId, directory } of await imports.ended(isClaimed)) {
    incoming.remove(directory)
    await imports.forget(jobId)
  }
}

/**
 * Removes directories that belong to no import and no upload in the database.
 * @param isAlone whether no peer receives uploads
 */
export async function removeAbandonedUploads(
  db: Kysely<Schema>,
  repositoryDirectory: string,
  isAlone: boolean
): Promise<void> {
  const incoming = createIncomingDirectory(repositoryDirectory)
  try {
    const candidates = isAlone ? incoming.directories() : incoming.directoriesBefore(new Date(Date.now() - FRESH_MS))
    // The directories are listed first: one that is created meanwhile is not among them.
    const live = await createImportStore(db).liveDirectories()
    for (const directory of candidates) if (!live.has(directory)) incoming.remove(directory)
  } catch (error) {
    tolerateSystemError(error)
  }
}
