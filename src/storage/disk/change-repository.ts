/** Makes the changes of an import: all of them, or none. */
import fs from 'node:fs'
import path from 'node:path'
import type { StagedDeletion } from '../../core/catalog/deletion.ts'
import type { ImportChange } from '../../core/import/import.ts'
import { UnsafePathError } from '../../core/storage/relative-path.ts'
import { isInside, resolveInside } from './safe-path.ts'
import { stageDeletion } from './staged-deletion.ts'
import { syncDirectory } from './sync.ts'

/**
 * Skips changes that were made before: after a crash the same changes can be made again.
 * @param staging directory of the staged files, on the volume of the repository
 * @param owner see `stageDeletion`
 * @returns `rollback` reverts the changes, `commit` removes the replaced files
 * @throws the system's error, or UnsafePathError; then nothing is changed
 */
export function changeRepository(
  directory: string,
  staging: string,
  changes: readonly ImportChange[],
  owner = ''
): StagedDeletion {
  const root = fs.realpathSync.native(directory)
  const isOpen = ({ staged }: ImportChange) => staged === undefined || fs.existsSync(resolveInside(staging, staged))
  const open = changes.filter(isOpen)
  const deletion = stageDeletion(
    root,
    open.map((change) => change.path),
    owner
  )
  const moved: { readonly from: string; readonly to: string }[] = []
  /** The innermost first. */
  const createdDirectories: string[] = []
  const rollback = () => {
    // Files that were removed meanwhile cannot be restored; all others are.
    for (const { from, to } of moved.reverse()) if (fs.existsSync(to)) fs.renameSync(to, from)
    createdDirectories.forEach(removeIfEmpty)
    deletion.rollback()
  }
  try {
    for (const { path: name, staged } of open) {
      if (staged === undefined) continue
      const from = resolveInside(staging, staged)
      const to = resolveInside(root, name)
      createdDirectories.unshift(...missingDirectories(root, path.dirname(to)))
      fs.mkdirSync(path.dirname(to), { recursive: true, mode: 0o750 })
      fs.renameSync(from, to)
      moved.push({ from, to })
    }
    for (const parent of new Set(moved.map(({ to }) => path.dirname(to)))) syncDirectory(parent)
  } catch (error) {
    rollback()
    throw error
  }
  return { rollback, commit: deletion.commit }
}

/**
 * A directory on the path may be a symbolic link: the nearest existing one is checked before anything is created in it.
 * @returns the directories to create, the innermost first
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
    // It was not created, or now contains other files.
  }
}
