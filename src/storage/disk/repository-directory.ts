/** The repository: a directory of this machine, or one that is mounted here. */
import fs from 'node:fs'
import path from 'node:path'
import type { StagedDeletion } from '../../core/catalog/deletion.ts'
import type { ImportChange } from '../../core/import/import.ts'
import { changeRepository } from './change-repository.ts'
import { resolveInside } from './safe-path.ts'
import { recoverStagedDeletions, stageDeletion } from './staged-deletion.ts'
import { checkReadableDirectory, readVolumeSpace, type VolumeSpace } from './volume.ts'
import { type WalkEntry, walkRepository } from './walk-repository.ts'

const PORTION = 2_000

/** All methods throw the system's error, or reject with it. */
export interface RepositoryDirectory {
  /** Its real path. */
  root(): string
  /** Yields everything that is there, a portion at a time, in no particular order, without what is hidden. */
  walk(): Iterable<readonly WalkEntry[]>
  /** What is at these paths, by path; where nothing is, there is no entry. */
  kindsAt(paths: readonly string[]): ReadonlyMap<string, 'file' | 'directory'>
  /** Copies a file to a new one. @returns false when it is not there */
  copyTo(path: string, target: string): boolean
  /** Takes files out of it: once this returns, they either go for good or come back, also after a crash. */
  stageDeletion(paths: readonly string[]): StagedDeletion
  /**
   * Makes the changes of an import: all of them, or none. A change that has been made before is passed over.
   * @param staging directory that the staged files are in
   * @returns what takes the changes back, or lets go of what they have replaced
   */
  change(staging: string, changes: readonly ImportChange[]): Promise<StagedDeletion>
  /**
   * Ends what a process that died has begun.
   * @param isKnown of these paths those that the catalog has
   * @param isGone whether a server has, by its id; without it, all others have
   */
  recover(
    isKnown: (paths: readonly string[]) => Promise<ReadonlySet<string>>,
    isGone?: (server: string) => boolean
  ): Promise<void>
  size(): Promise<VolumeSpace>
  /** Rejects when it cannot be listed now. */
  check(): Promise<void>
}

/**
 * @param directory may have symbolic links in its own path; whether it is there shows when it is used
 * @param owner as `putAside` has it
 */
export function createRepositoryDirectory(directory: string, owner = ''): RepositoryDirectory {
  const root = () => fs.realpathSync.native(directory)
  return {
    root,

    *walk() {
      let portion: WalkEntry[] = []
      for (const entry of walkRepository(root())) {
        portion.push(entry)
        if (portion.length < PORTION) continue
        yield portion
        portion = []
      }
      yield portion
    },

    kindsAt(paths) {
      const found = new Map<string, 'file' | 'directory'>()
      for (const name of paths) {
        const stat = fs.lstatSync(resolveInside(directory, name), { throwIfNoEntry: false })
        if (stat !== undefined) found.set(name, stat.isDirectory() ? 'directory' : 'file')
      }
      return found
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
