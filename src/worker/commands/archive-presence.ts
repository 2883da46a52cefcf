/** Answers whether an archive exists, to transactions that must not wait for the network. */
import type { ArchiveStorage } from '../../core/storage/archive-storage.ts'

type ArchivePresence = Pick<ArchiveStorage, 'isRemote' | 'hasWhole'>

/** Ends a transaction that needs an answer which the remote storage has not given yet. */
class PresenceUnknown extends Error {
  override readonly name = 'PresenceUnknown'
  readonly archiveName: string
  readonly size: number

  constructor(archiveName: string, size: number) {
    super(`Whether ${archiveName} exists is not known yet`)
    this.archiveName = archiveName
    this.size = size
  }
}

/**
 * Runs a transaction that depends on the presence of archives. Remote storage is queried between two attempts: an
 * attempt that needs an unknown answer is rolled back, and repeated with the answer.
 */
export async function withKnownArchives<T>(
  archives: ArchivePresence,
  transaction: (archives: ArchivePresence) => Promise<T>
): Promise<T> {
  if (!archives.isRemote) return transaction(archives)
  const answers = new Map<string, boolean>()
  const known: ArchivePresence = {
    isRemote: false,
    async hasWhole(name, size) {
      const answer = answers.get(name)
      if (answer === undefined) throw new PresenceUnknown(name, size)
      return answer
    }
  }
  for (;;) {
    try {
      return await transaction(known)
    } catch (error) {
      if (!(error instanceof PresenceUnknown)) throw error
      answers.set(error.archiveName, await archives.hasWhole(error.archiveName, error.size))
    }
  }
}
