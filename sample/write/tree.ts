import { createHash } from 'node:crypto'
import { lutimes, mkdir, open, symlink, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { FileRecord, FileRole } from '../manifest.ts'
import type { Content } from './content.ts'

/** Writes the files of a repository. */
export interface Tree {
  readonly files: number
  readonly bytes: number
  /**
   * Writes a new file with this modification time (whole seconds since 1970 UTC). Creates its directory if needed.
   */
  write(path: string, role: FileRole, content: Content, modifiedAt: number): Promise<FileRecord>
  link(path: string, target: string, modifiedAt: number): Promise<void>
  /** Sets the times of the directories, which every new file changes. Nothing is written afterwards. */
  finish(): Promise<void>
}

/** @param onBytes called after every written piece with the bytes so far */
export function createTree(directory: string, onBytes: (bytes: number) => void = () => {}): Tree {
  let files = 0
  let bytes = 0
  /** By directory, the time of its newest entry. */
  const directories = new Map<string, number>([['.', 0]])

  const spot = async (path: string, modifiedAt: number): Promise<string> => {
    for (let parent = dirname(path); ; parent = dirname(parent)) {
      if (!directories.has(parent)) await mkdir(join(directory, parent), { recursive: true })
      directories.set(parent, Math.max(directories.get(parent) ?? 0, modifiedAt))
      if (parent === '.') return join(directory, path)
    }
  }

  return {
    get files() {
      return files
    },
    get bytes() {
      return bytes
    },
    async write(path, role, content, modifiedAt) {
      const handle = await open(await spot(path, modifiedAt), 'wx')
      const hash = createHash('sha256')
      try {
        // While one chunk is written, the next one is generated and hashed.
        let pending: Promise<void> = Promise.resolve()
        for (const chunk of content.chunks()) {
          hash.update(chunk)
          await pending
          pending = handle.appendFile(chunk)
          pending.catch(() => {})
          bytes += chunk.length
          onBytes(bytes)
        }
        await pending
        await handle.utimes(modifiedAt, modifiedAt)
      } finally {
        await handle.close()
      }
      files++
      return { path, role, size: content.size, sha256: hash.digest('hex') }
    },
    async link(path, target, modifiedAt) {
      const linkPath = await spot(path, modifiedAt)
      await symlink(target, linkPath)
      await lutimes(linkPath, modifiedAt, modifiedAt)
    },
    async finish() {
      for (const [path, modifiedAt] of directories) await utimes(join(directory, path), modifiedAt, modifiedAt)
    }
  }
}
