/**
 * The cache of deflated forms. A file is named by the SHA-256 of the content and the CRC-32 of its deflated form, so that another
 * deflated form of the same content, as another zlib makes it, is another file.
 */
import { randomUUID } from 'node:crypto'
import fs, { promises as fsp } from 'node:fs'
import { promisify } from 'node:util'
import type { Deflated } from '../core/deflation.ts'
import type { OpenFile } from '../core/open-file.ts'
import { Problem } from '../core/problem.ts'
import { openFileOf } from './open-file.ts'
import { resolveInside } from './safe-path.ts'
import { syncDirectory } from './sync-directory.ts'

/** What the cache has for a content. */
export interface DeflatedKey {
  /** Of the content, lower-case hex. */
  readonly sha256: string
  readonly deflated: Deflated
}

/** A deflated form that is being made. */
export interface DeflatedInProgress {
  write(bytes: Uint8Array): void
  /** Makes it part of the cache. Its bytes are on the disk to stay then, and its name is after `settle`. */
  publish(deflated: Deflated): Promise<void>
  discard(): void
}

/** How the names of forms end that are made when somebody needs them, and not by the scan. */
const ASIDE = '.aside.part'

/** So long nobody takes to write the next bytes of one. */
const MAKING_MS = 3_600_000

const fdatasync = promisify(fs.fdatasync)

export type DeflatedFiles = ReturnType<typeof createDeflatedFiles>

/** @param directory is made when it is needed */
export function createDeflatedFiles(directory: string) {
  const pathOf = (name: string) => resolveInside(directory, name)

  return {
    /** The names of all files in it. */
    async names(): Promise<string[]> {
      try {
        return await fsp.readdir(directory)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
        throw error
      }
    },

    /** Open for reading; whoever asks closes it. @throws the system's error, ENOENT too */
    open(key: DeflatedKey): { readonly fd: number; readonly size: number } {
      const fd = fs.openSync(pathOf(deflatedName(key)), 'r')
      return { fd, size: fs.fstatSync(fd).size }
    },

    /**
     * The same for who must not wait for the disk.
     * @throws Problem FILE_GONE: it will be made again
     */
    async openFile(key: DeflatedKey & { readonly path: string; readonly modifiedAt: number }): Promise<OpenFile> {
      const { path, sha256, deflated, modifiedAt } = key
      const handle = await fsp.open(pathOf(deflatedName(key)), 'r').catch((cause) => {
        throw new Problem(
          'FILE_GONE',
          `The deflated form of ${path} is not there any more; ask again after action=read.`,
          {
            cause
          }
        )
      })
      return openFileOf(handle, {
        name: path,
        size: deflated.size,
        modifiedAt: new Date(modifiedAt * 1000),
        digest: sha256,
        contentType: 'application/octet-stream'
      })
    },

    /** All that was published is there to stay. @throws the system's error */
    settle(): void {
      if (fs.existsSync(directory)) syncDirectory(directory)
    },

    /** Nothing happens when it is not there. */
    remove(name: string): void {
      fs.rmSync(pathOf(name), { force: true })
    },

    has: (key: DeflatedKey): boolean => fs.existsSync(pathOf(deflatedName(key))),

    /** Whether it is being made by somebody beside the scan, or was not long ago. */
    isInTheMaking(name: string): boolean {
      if (!name.endsWith(ASIDE)) return false
      const stat = fs.lstatSync(pathOf(name), { throwIfNoEntry: false })
      return stat !== undefined && Date.now() - stat.mtimeMs < MAKING_MS
    },

    /** @param isAside whether others may make the same form at the same time */
    begin(sha256: string, isAside = false): DeflatedInProgress {
      fs.mkdirSync(directory, { recursive: true, mode: 0o750 })
      const part = pathOf(isAside ? `${sha256}.${randomUUID()}${ASIDE}` : `${sha256}.part`)
      const fd = fs.openSync(part, 'w', 0o640)
      return {
        write(bytes) {
          for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done)
        },
        async publish(deflated) {
          try {
            await fdatasync(fd)
          } finally {
            fs.closeSync(fd)
          }
          fs.renameSync(part, pathOf(deflatedName({ sha256, deflated })))
        },
        discard() {
          fs.closeSync(fd)
          fs.rmSync(part, { force: true })
        }
      }
    }
  }
}

export function deflatedName({ sha256, deflated }: DeflatedKey): string {
  return `${sha256}.${deflated.crc32.toString(16).padStart(8, '0')}`
}
