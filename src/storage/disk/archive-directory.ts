/**
 * The directory of archives: finished ones under their names, unfinished ones as `<name>.<token>.part`. The token is
 * that of the lease under which the part is written, so that two workers never write one file.
 */
import { randomUUID } from 'node:crypto'
import fs, { promises as fsp } from 'node:fs'
import { type ArchiveFile, parseArchiveFile, partName } from '../../core/export/archive-file.ts'
import type { ArchiveClaim, ArchiveStorage, GrowingArchive } from '../../core/storage/archive-storage.ts'
import { isSafeName } from '../../core/storage/relative-path.ts'
import { openFileOf } from './open-file.ts'
import { resolveInside } from './safe-path.ts'
import { syncDirectory } from './sync-directory.ts'
import { readVolumeSpace } from './volume.ts'
import { BlockWriter } from './writer/block-writer.ts'

const FIRST_TOKEN = 1

/** Hidden, and with no name that an archive could have. */
export const MARKER_FILE = '.fixdepot'

/** @param directory exists already */
export function createArchiveDirectory(directory: string): ArchiveStorage {
  const pathOf = (name: string) => {
    if (!isSafeName(name)) throw new Error(`${JSON.stringify(name)} cannot be the name of an archive`)
    return resolveInside(directory, name)
  }
  const partOf = (name: string, token: number) => partName(pathOf(name), token)

  /** The parts that others have left, the newest first. */
  function partsOf(name: string): ArchiveFile[] {
    return fs
      .readdirSync(directory)
      .map(parseArchiveFile)
      .filter((file) => file?.archiveName === name && file.token !== undefined)
      .map((file) => file as ArchiveFile)
      .sort((left, right) => (right.token ?? 0) - (left.token ?? 0))
  }

  /**
   * Gives the new part what there is of the archive: the newest part, or the archive itself when only its commit
   * failed.
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

    /** Opens the part of this lease, with the first bytes of what former leases wrote when so many are there. */
    async resume({ name, token, start }: ArchiveClaim): Promise<GrowingArchive> {
      const part = partOf(name, token)
      const isTaken = start > 0 && takeOver(name, part)
      // Before the first lease there was none that could have left one: the directory, which may have thousands of
      // archives, is not read.
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
          ...endings(fd, part, name)
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
      const handle = await openIfThere(pathOf(name))
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

    /** Downloads in progress end well. */
    async remove(fileName) {
      fs.rmSync(pathOf(fileName), { force: true })
    },

    freeBytes: async () => (await readVolumeSpace(directory)).freeBytes,

    claimOwnership: (claimOwnership) => writeMarker(directory, claimOwnership),

    check: async () => fsp.access(directory, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK),

    close() {}
  }

  function endings(fd: number, part: string, name: string): Pick<GrowingArchive, 'publish' | 'discard' | 'keep'> {
    return {
      async publish() {
        fs.closeSync(fd)
        try {
          fs.renameSync(part, pathOf(name))
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

/** Of two servers that leave one at a time one wins: a link to a file is made whole, or not at all. */
async function writeMarker(directory: string, claimOwnership: string): Promise<string> {
  const file = resolveInside(directory, MARKER_FILE)
  const known = await readMarker(file)
  if (known !== undefined) return known
  const draft = `${file}.${randomUUID()}`
  try {
    await fsp.writeFile(draft, `${claimOwnership}\n`, { flush: true, mode: 0o640 })
    await fsp.link(draft, file)
    syncDirectory(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await fsp.rm(draft, { force: true })
  }
  return (await readMarker(file)) ?? claimOwnership
}

async function readMarker(file: string): Promise<string | undefined> {
  try {
    return (await fsp.readFile(file, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function openIfThere(path: string): Promise<fsp.FileHandle | undefined> {
  try {
    return await fsp.open(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
