/**
 * Opens the storage of archives that the settings name. A depot removes the archives that belong to none of its
 * exports: two depots in one location would remove each other's archives. An ownership marker next to the archives
 * therefore contains the identity of the depot, which is stored in its database.
 */
import { randomUUID } from 'node:crypto'
import { StorageError } from '../core/problems/storage-error.ts'
import type { ArchiveStorage } from '../core/storage/archive-storage.ts'
import type { WorkerSettings } from '../core/storage/storage-config.ts'
import { createArchiveDirectory } from './disk/archive-directory.ts'
import { createArchiveBucket } from './s3/archive-bucket.ts'
import { retryForever } from './s3/bucket.ts'

/** The archives belong to another depot. The message is for the operator. */
export class ForeignArchives extends StorageError {
  constructor(depot: string, owner: string) {
    super(
      `The archives of FIXDEPOT_ARCHIVES_URL belong to another depot: its identity is ${owner}, and that of this database is ${depot}. ` +
        'Configure a separate directory or prefix for this depot. If this database permanently replaces the other one, ' +
        'remove the file or object .fixdepot next to the archives, and start again: archives that this database does not know are then removed.',
      false
    )
  }
}

/** The storage of the settings; the caller closes it. */
export function openArchiveStorage({
  archivesDirectory,
  archivesBucket
}: Pick<WorkerSettings, 'archivesDirectory' | 'archivesBucket'>): ArchiveStorage {
  return archivesBucket === undefined ? createArchiveDirectory(archivesDirectory) : createArchiveBucket(archivesBucket)
}

/**
 * Claims the location of the archives for this depot if it has no owner yet.
 * @returns the id of the location: equal for all servers whose archives are there
 * @throws ForeignArchives when another depot owns it, StorageError, the system's error
 */
export async function claimArchives(storage: Pick<ArchiveStorage, 'claimOwnership'>, depot: string): Promise<string> {
  const [owner = '', location = ''] = (await storage.claimOwnership(`${depot} ${randomUUID()}`)).split(' ')
  if (owner !== depot) throw new ForeignArchives(depot, owner)
  return location
}

/** The storage of the settings, for writing and removing archives: only after this depot is known to own them. */
export function openOwnArchives(settings: WorkerSettings): ArchiveStorage {
  const storage = openArchiveStorage(settings)
  const { archivesOwner } = settings
  if (archivesOwner === undefined) return storage
  let isClaimed = false
  async function claim(owner: string): Promise<void> {
    if (!isClaimed) await claimArchives(storage, owner)
    isClaimed = true
  }
  return {
    ...storage,
    async resume(request) {
      // Like every write, it waits for storage that is unavailable.
      await retryForever(request.signal, () => claim(archivesOwner))
      return storage.resume(request)
    },
    async ownFiles() {
      await claim(archivesOwner)
      return storage.ownFiles()
    }
  }
}
