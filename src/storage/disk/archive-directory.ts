/**
 * The directory of archives: finished ones under their names, unfinished ones as `<name>.<token>.part`. The token is
 * that of the lease under which the part is written, so that two workers never write one file.
 */
import fs, { promises as fsp } from 'node:fs'
import { type ArchiveFile, parseArchiveFile, partName } from '../../core/storage/archive-file.ts'
import type { ArchiveClaim, ArchiveStorage, GrowingArchive } from '../../core/storage/archive-storage.ts'
import { isSafeName } from '../../core/storage/relative-path.ts'
import { claimOwnership } from './ownership-marker.ts'
import { openFileOf } from './read-file.ts'
import { resolveInside } from './safe-path.ts'
import { syncDirectory } from './sync.ts'
import { readVolumeSpace } from './volume.ts'
import { BlockWriter } from './writer/block-writer.ts'

const FIRST_TOKEN = 1

/** @param directory exists already */
export function createArchiveDirectory(directory: string): ArchiveStorage {
  const pathOf = (name: string) => {
    if (!isSafeName(name)) throw new Error(`${JSON.stringify(name)} cannot be the name of an archive`)
    return resolveInside(directory, name)
  }

  /** The parts of all leases, the newest first. */
  function partsOf(name: string): ArchiveFile[] {
    return fs
      .readdirSync(directory)
      .map(parseArchiveFile)
      .filter((file) => file?.archiveName === name && file.token !== undefined)
      .map((file) => file as ArchiveFile)
      .sort((left, right) => (right.token ?? 0) - (left.token ?? 0))
  }

  /**
   * Renames the newest part to this one; without a part the archive itself, which exists when only its commit failed.
   */
  function takeOver(name: string, part: string): boolean {
    const [newest] = partsOf(name)
    const former = newest === undefined ? pathOf(name) : pathOf(newest.fileName)
    try {
      fs.renameSync(former, part)
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
  }

  return {
    isRemote: false,

    /** Opens the part of this lease, with the first `start` bytes of former leases if there are that many. */
    async resume({ name, token, start }: ArchiveClaim): Promise<GrowingArchive> {
      const part = partName(pathOf(name), token)
      const isTaken = start > 0 && takeOver(name, part)
      // Before the first lease there was none that could have left a part: the directory, which may contain thousands
      // of archives, is not read.
      for (const { fileName, token: other } of token === FIRST_TOKEN ? [] : partsOf(name))
        if (other !== token) fs.rmSync(pathOf(fileName), { force: true })
      const fd = fs.openSync(part, isTaken ? 'r+' : 'w')
      try {
        const kept = isTaken && fs.fstatSync(fd).size >= start ? start : 0
        if (isTaken) fs.ftruncateSync(fd, kept)
        return {
          size: kept,
          isPublished: false,
          openOutput: (onDurable) => new BlockWriter({ fd, start: kept, isDurable: true, onDurable }),
          ...endings(fd, part, pathOf(name))
        }
      } catch (error) {
        fs.closeSync(fd)
        throw error
      }
    },

    async removeParts(name) {
      for (const { fileName } of partsOf(name)) fs.rmSync(pathOf(fileName), { force: true })
    },

    async open(name, digest) {
      const handle = await openIfExists(pathOf(name))
      if (handle === undefined) return undefined
      const { size, mtime } = await handle.stat()
      return openFileOf(handle, { name, size, modifiedAt: mtime, digest, contentType: 'application/zip' })
    },

    async hasWhole(name, size) {
      const stat = fs.lstatSync(pathOf(name), { throwIfNoEntry: false })
      return stat?.isFile() === true && stat.size === size
    },

    async ownFiles() {
      return (await fsp.readdir(directory)).map(parseArchiveFile).filter((file) => file !== undefined)
    },

    /** Downloads in progress still complete. */
    async remove(fileName) {
      fs.rmSync(pathOf(fileName), { force: true })
    },

    freeBytes: async () => (await readVolumeSpace(directory)).freeBytes,

    claimOwnership: (marker) => claimOwnership(directory, marker),

    check: async () => fsp.access(directory, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK),

    close() {}
  }

  function endings(fd: number, part: string, archive: string): Pick<GrowingArchive, 'publish' | 'discard' | 'keep'> {
    return {
      async publish() {
        fs.closeSync(fd)
        try {
          fs.renameSync(part, archive)
        } catch (error) {
          fs.rmSync(part, { force: true })
          throw error
        }
        syncDirectory(directory)
      },
      async discard() {
        fs.closeSync(fd)
        fs.rmSync(part, { force: true })
      },
      keep: async () => fs.closeSync(fd)
    }
  }
}

async function openIfExists(path: string): Promise<fsp.FileHandle | undefined> {
  try {
    return await fsp.open(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
