/** The directory of archives: unfinished ones as `<name>.part`, finished ones under their names. */
import fs, { promises as fsp } from 'node:fs'
import type { OpenArchive } from '../core/archive.ts'
import { isSafeName } from '../core/relative-path.ts'
import { resolveInside } from './safe-path.ts'

/** An archive that is being written. Either `publish` or `discard` ends it. */
export interface ArchiveInProgress {
  /** Open for writing, empty. */
  readonly fd: number
  /** Makes the archive visible under its name, whole and durable. */
  publish(): void
  /** Leaves nothing behind. */
  discard(): void
}

export interface ArchiveDirectory {
  create(name: string): ArchiveInProgress
  /** Undefined when there is no such file. @param digest names its content */
  open(name: string, digest: string): Promise<OpenArchive | undefined>
}

/** @param directory exists already */
export function createArchiveDirectory(directory: string): ArchiveDirectory {
  const pathOf = (name: string, suffix = '') => {
    if (!isSafeName(name)) throw new Error(`${JSON.stringify(name)} cannot be the name of an archive`)
    return resolveInside(directory, name + suffix)
  }
  return {
    create(name) {
      const part = pathOf(name, '.part')
      const fd = fs.openSync(part, 'w')
      return {
        fd,
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
        }
      }
    },

    async open(name, digest) {
      const handle = await openIfThere(pathOf(name))
      if (handle === undefined) return undefined
      const stat = await handle.stat()
      return {
        name,
        size: stat.size,
        modifiedAt: stat.mtime,
        digest,
        async readInto(buffer, position) {
          return (await handle.read(buffer, 0, buffer.length, position)).bytesRead
        },
        close: () => handle.close()
      }
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

/** The new name itself is durable only when its directory is. */
function syncDirectory(directory: string): void {
  const fd = fs.openSync(directory, 'r')
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}
