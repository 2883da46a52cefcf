/** The repository: a local directory, or one on a mounted file system. */
import fs from 'node:fs'
import path from 'node:path'
import type { StagedDeletion } from '../../core/catalog/deletion.ts'
import type { ImportChange } from '../../core/import/import.ts'
import { changeRepository } from './change-repository.ts'
import { resolveInside } from './safe-path.ts'
import { recoverStagedDeletions, stageDeletion } from './staged-deletion.ts'
import { checkReadableDirectory, readVolumeSpace, type VolumeSpace } from './volume.ts'
import { type WalkEntry, walkRepository } from './walk-repository.ts'

const BATCH_ENTRIES = 2_000

/** All methods throw the system's error, or reject with it. */
export interface RepositoryDirectory {
  /** The real path of the directory. */
  root(): string
  /** Yields all entries but hidden ones in batches, in no particular order. */
  walk(): Iterable<readonly WalkEntry[]>
  /** The kind of what exists at each of these paths; the map has no entry for paths that do not exist. */
  kindsOf(paths: readonly string[]): ReadonlyMap<string, 'file' | 'directory'>
  /** Copies a file to a new one. @returns false when the file does not exist */
  copyTo(path: string, target: string): boolean
  /** Takes files out of the repository: they are then either deleted permanently or restored, also after a crash. */
  stageDeletion(paths: readonly string[]): StagedDeletion
  /**
   * Makes the changes of an import: all of them, or none. Skips changes that were made before.
   * @param staging directory of the staged files
   * @returns `rollback` reverts the changes, `commit` removes the replaced files
   */
  change(staging: string, changes: readonly ImportChange[]): Promise<StagedDeletion>
  /**
   * Completes the staged deletions of processes that died.
   * @param isKnown selects the paths that the catalog contains
   * @param isGone whether the server with this id is gone; without it, all other servers are
   */
  recover(
    isKnown: (paths: readonly string[]) => Promise<ReadonlySet<string>>,
    isGone?: (server: string) => boolean
  ): Promise<void>
  size(): Promise<VolumeSpace>
  /** Rejects when the directory cannot be listed. */
  check(): Promise<void>
}

/**
 * @param directory may have symbolic links in its own path; it is not opened before the first call
 * @param owner see `stageDeletion`
 */
export function createRepositoryDirectory(directory: string, owner = ''): RepositoryDirectory {
  const root = () => fs.realpathSync.native(directory)
  return {
    root,

    *walk() {
      let batch: WalkEntry[] = []
      for (const entry of walkRepository(root())) {
        batch.push(entry)
        if (batch.length < BATCH_ENTRIES) continue
        yield batch
        batch = []
      }
      yield batch
    },

    kindsOf(paths) {
      const kinds = new Map<string, 'file' | 'directory'>()
      for (const name of paths) {
        const stat = fs.lstatSync(resolveInside(directory, name), { throwIfNoEntry: false })
        if (stat !== undefined) kinds.set(name, stat.isDirectory() ? 'directory' : 'file')
      }
      return kinds
    },

    copyTo(name, target) {
      const original = resolveInside(directory, name)
      if (!fs.existsSync(original)) return false
      fs.mkdirSync(path.dirname(target), { recursive: true })
      fs.copyFileSync(original, target, fs.constants.COPYFILE_EXCL)
      return true
    },

    stageDeletion: (paths) => stageDeletion(directory, paths, owner),
    change: async (staging, changes) => changeRepository(directory, staging, changes, owner),
    recover: (isKnown, isGone) => recoverStagedDeletions(directory, isKnown, isGone),
    size: () => readVolumeSpace(directory),
    check: () => checkReadableDirectory(directory)
  }
}
