import type { ArchiveStorage } from '../../core/storage/archive-storage.ts'

type ArchiveLookup = Pick<ArchiveStorage, 'isRemote' | 'hasWhole'>

/** A transaction wants to know whether an archive is there; thrown out of it, since it must not wait for a network. */
class FactMissing extends Error {
  override readonly name = 'Unlooked'
  readonly archiveName: string
  readonly size: number

  constructor(archiveName: string, size: number) {
    super(`Nobody has looked for ${archiveName} yet`)
    this.archiveName = archiveName
    this.size = size
  }
}

/**
 * Runs a transaction that asks the storage of archives. Remote storage is asked between two attempts of it: the first
 * one finds out what is to be looked for, and is rolled back.
 */
export async function withRemoteFacts<T>(
  archives: ArchiveLookup,
  transaction: (archives: ArchiveLookup) => Promise<T>
): Promise<T> {
  if (!archives.isRemote) return transaction(archives)
  const found = new Map<string, boolean>()
  const known: ArchiveLookup = {
    isRemote: false,
    async hasWhole(name, size) {
      const isThere = found.get(name)
      if (isThere === undefined) throw new FactMissing(name, size)
      return isThere
    }
  }
  for (;;) {
    try {
      return await transaction(known)
    } catch (error) {
      if (!(error instanceof FactMissing)) throw error
      found.set(error.archiveName, await archives.hasWhole(error.archiveName, error.size))
    }
  }
}
