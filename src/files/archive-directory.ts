/**
 * The directory of archives: finished ones under their names, unfinished ones as `<name>.<token>.part`. The token is that of
 * the lease under which the part is written, so that two workers never write one file.
 */
import fs, { promises as fsp } from 'node:fs'
import { type ArchiveFile, parseArchiveFile, partName } from '../core/archive-file.ts'
import type { OpenFile } from '../core/open-file.ts'
import { isSafeName } from '../core/relative-path.ts'
import { openFileOf } from './open-file.ts'
import { resolveInside } from './safe-path.ts'
import { syncDirectory } from './sync-directory.ts'

/** An archive that is being written. One of `publish`, `discard` and `leave` ends it. */
export interface ArchiveInProgress {
  /** Open for writing. */
  readonly fd: number
  /** Bytes that it has already: as many as were asked for, or none. */
  readonly size: number
  /** Makes the archive visible under its name, whole and durable. */
  publish(): void
  /** Leaves nothing behind. */
  discard(): void
  /** Leaves it for the next one who resumes it. */
  leave(): void
}

const FIRST_TOKEN = 1

export type ArchiveDirectory = ReturnType<typeof createArchiveDirectory>

/** @param directory exists already */
export function createArchiveDirectory(directory: string) {
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

  /** Gives the new part what there is of the archive: the newest part, or the archive itself when only its commit failed. */
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
    /**
     * Opens the part of this lease, with the first bytes of what former leases wrote when so many are there. All other
     * parts of the archive are removed.
     * @param token counted from 1 for each archive
     * @param size bytes that are to be there; 0 for a new archive
     */
    resume(name: string, token: number, size = 0): ArchiveInProgress {
      const part = partOf(name, token)
      const isTaken = size > 0 && takeOver(name, part)
      // Before the first lease there was none that could have left one: the directory, which may have thousands of archives, is not read.
      for (const { fileName, token: other } of token === FIRST_TOKEN ? [] : partsOf(name))
        if (other !== token) fs.rmSync(pathOf(fileName), { force: true })
      const fd = fs.openSync(part, isTaken ? 'r+' : 'w')
      try {
        const kept = isTaken && fs.fstatSync(fd).size >= size ? size : 0
        if (isTaken) fs.ftruncateSync(fd, kept)
        return { fd, size: kept, ...endings(fd, part, name) }
      } catch (error) {
        fs.closeSync(fd)
        throw error
      }
    },

    /** Removes what is unfinished of an archive. */
    removeParts(name: string): void {
      for (const { fileName } of partsOf(name)) fs.rmSync(pathOf(fileName), { force: true })
    },

    /** Undefined when there is no such file. @param digest names its content */
    async open(name: string, digest: string): Promise<OpenFile | undefined> {
      const handle = await openIfThere(pathOf(name))
      if (handle === undefined) return undefined
      const { size, mtime } = await handle.stat()
      return openFileOf(handle, { name, size, modifiedAt: mtime, digest, contentType: 'application/zip' })
    },

    /** Whether a finished archive of this size is there. */
    hasWhole(name: string, size: number): boolean {
      const stat = fs.lstatSync(pathOf(name), { throwIfNoEntry: false })
      return stat?.isFile() === true && stat.size === size
    },

    /** The files whose names are of this server's kind; what else lies there is nobody's business. */
    async ownFiles(): Promise<ArchiveFile[]> {
      return (await fsp.readdir(directory)).map(parseArchiveFile).filter((file) => file !== undefined)
    },

    /** Removes a finished archive or a part; downloads in progress end well. */
    remove(fileName: string): void {
      fs.rmSync(pathOf(fileName), { force: true })
    }
  }

  function endings(fd: number, part: string, name: string): Omit<ArchiveInProgress, 'fd' | 'size'> {
    return {
      publish() {
        fs.closeSync(fd)
        try {
          fs.renameSync(part, pathOf(name))
        } catch (error) {
          fs.rmSync(part, { force: true })
          throw error
        }
        syncDirectory(directory)
      },
      discard() {
        fs.closeSync(fd)
        fs.rmSync(part, { force: true })
      },
      leave: () => fs.closeSync(fd)
    }
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
