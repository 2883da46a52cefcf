/** The repository as a directory of this machine, or one that is mounted here. */
import fs from 'node:fs'
import path from 'node:path'
import type { RepositoryStorage, Sighting } from '../core/repository-storage.ts'
import { changeRepository } from './change-repository.ts'
import { putAside, recoverPutAside } from './put-aside.ts'
import { resolveInside } from './safe-path.ts'
import { checkReadableDirectory, readVolumeSpace } from './volume.ts'
import { walkRepository } from './walk-repository.ts'

const PORTION = 2_000

/**
 * @param directory may have symbolic links in its own path; whether it is there shows when it is used
 * @param owner as `putAside` has it
 */
export function createRepositoryDirectory(directory: string, owner = ''): RepositoryStorage {
  const root = () => fs.realpathSync.native(directory)
  return {
    isRemote: false,
    place: root,

    async *walk() {
      let portion: Sighting[] = []
      for (const sighting of walkRepository(root())) {
        portion.push(sighting)
        if (portion.length < PORTION) continue
        yield portion
        portion = []
      }
      yield portion
    },

    async look(paths) {
      const found = new Map<string, 'file' | 'directory'>()
      for (const name of paths) {
        const stat = fs.lstatSync(resolveInside(directory, name), { throwIfNoEntry: false })
        if (stat !== undefined) found.set(name, stat.isDirectory() ? 'directory' : 'file')
      }
      return found
    },

    async copyTo(name, target) {
      const original = resolveInside(directory, name)
      if (!fs.existsSync(original)) return false
      fs.mkdirSync(path.dirname(target), { recursive: true })
      fs.copyFileSync(original, target, fs.constants.COPYFILE_EXCL)
      return true
    },

    putAside: async (paths) => putAside(directory, paths, owner),
    change: async (staging, changes) => changeRepository(directory, staging, changes, owner),
    recover: (isKnown, isGone) => recoverPutAside(directory, isKnown, isGone),
    size: () => readVolumeSpace(directory),
    check: () => checkReadableDirectory(directory),
    close() {}
  }
}
