/**
 * Whose archives these are. A depot removes what belongs to none of its exports: two depots in one place would remove
 * each other's archives. So the identity of the depot, which is in its database, stands beside them.
 */
import { randomUUID } from 'node:crypto'
import { StorageError } from '../core/problems/storage-error.ts'
import type { ArchiveStorage } from '../core/storage/archive-storage.ts'
import type { WorkerSettings } from '../core/storage/worker-settings.ts'
import { openArchiveStorage } from './open-archive-storage.ts'
import { retryForever } from './s3/bucket.ts'

/** The archives are another depot's. The message is for the operator. */
export class ForeignArchives extends StorageError {
  constructor(depot: string, owner: string) {
    super(
      `The archives of FIXDEPOT_ARCHIVES_URL belong to another depot: its identity is ${owner}, and that of this database is ${depot}. ` +
        'Give this depot a directory or a prefix of its own. Where the other database is gone for good, and this one takes its place, ' +
        'remove the file or object .fixdepot beside the archives, and start again: archives that this database does not know are removed then.',
      false
    )
  }
}

/**
 * Takes the place for this depot, where nobody has it yet.
 * @returns what names the place itself: all servers that have their archives there are given the same
 * @throws StrangeArchives when another depot has it, StorageTrouble, the system's error
 */
export async function claimArchives(storage: Pick<ArchiveStorage, 'claimOwnership'>, depot: string): Promise<string> {
  const [owner = '', location = ''] = (await storage.claimOwnership(`${depot} ${randomUUID()}`)).split(' ')
  if (owner !== depot) throw new ForeignArchives(depot, owner)
  return location
}

/**
 * The archives of the settings, for who writes and removes some: not before it is certain that they are this depot's.
 */
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
      // What is to be written waits for storage that is away, as all writing does.
      await retryForever(request.signal, () => claim(archivesOwner))
      return storage.resume(request)
    },
    async ownFiles() {
      await claim(archivesOwner)
      return storage.ownFiles()
    }
  }
}
