/** Makes the changes of an import: all of them, or none. */
import fs from 'node:fs'
import path from 'node:path'
import type { StagedDeletion } from '../../core/catalog/deletion.ts'
import type { ImportChange } from '../../core/import/import.ts'
import { UnsafePathError } from '../../core/storage/relative-path.ts'
import { isInside, resolveInside } from './safe-path.ts'
import { stageDeletion } from './staged-deletion.ts'
import { syncDirectory } from './sync-directory.ts'

/**
 * A change that has been made before is passed over: after a crash the same changes can be made again.
 * @param staging directory that the staged files are in, on the volume of the repository
 * @param owner as `putAside` has it
 * @returns what takes the changes back, or lets go of what they have replaced
 * @throws the system's error, or UnsafePathError; then nothing is changed
 */
export function changeRepository(
  directory: string,
  staging: string,
  changes: readonly ImportChange[],
  owner = ''
): StagedDeletion {
  const root = fs.realpathSync.native(directory)
  const isToDo = ({ staged }: ImportChange) => staged === undefined || fs.existsSync(resolveInside(staging, staged))
  const toDo = changes.filter(isToDo)
  const former = stageDeletion(
    root,
    toDo.map((change) => change.path),
    owner
  )
  const moved: { readonly from: string; readonly to: string }[] = []
  /** The innermost first. */
  const madeDirectories: string[] = []
  const restore = () => {
    // What somebody has taken away meanwhile cannot come back; all the rest does.
    for (const { from, to } of moved.reverse()) if (fs.existsSync(to)) fs.renameSync(to, from)
    madeDirectories.forEach(removeIfEmpty)
    former.restore()
  }
  try {
    for (const { path: name, staged } of toDo) {
      if (staged === undefined) continue
      const from = resolveInside(staging, staged)
      const to = resolveInside(root, name)
      madeDirectories.unshift(...missingDirectories(root, path.dirname(to)))
      fs.mkdirSync(path.dirname(to), { recursive: true, mode: 0o750 })
      fs.renameSync(from, to)
      moved.push({ from, to })
    }
    for (const parent of new Set(moved.map(({ to }) => path.dirname(to)))) syncDirectory(parent)
  } catch (error) {
    restore()
    throw error
  }
  return { restore, remove: former.remove }
}

/**
 * A directory on the way may be a link: what is there already is looked at before anything is made in it.
 * @returns the directories that are to be made, the innermost first
 */
function missingDirectories(root: string, directory: string): string[] {
  const missing: string[] = []
  let nearest = directory
  for (; !fs.existsSync(nearest); nearest = path.dirname(nearest)) missing.push(nearest)
  if (!isInside(root, fs.realpathSync.native(nearest)))
    throw new UnsafePathError(`${nearest} leads out of the repository`)
  return missing
}

function removeIfEmpty(directory: string): void {
  try {
    fs.rmdirSync(directory)
  } catch {
    // It was not made, or others have put something into it.
  }
}
