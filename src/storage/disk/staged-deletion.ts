/**
 * Takes files out of the repository so that either all of them are deleted, or none: they are first moved into a hidden
 * directory.
 */
import fs from 'node:fs'
import path from 'node:path'
import type { StagedDeletion } from '../../core/catalog/deletion.ts'
import { isInside, resolveInside } from './safe-path.ts'

/** Hidden, so that no scan finds it; in the repository, since a rename cannot cross volumes. */
const PREFIX = '.fixdepot-deleted-'

/**
 * Skips files that do not exist, and paths that are directories now.
 * @param directory of the repository
 * @param names relative to it
 * @param owner id of the server that deletes; empty when there is only one server
 * @throws the system's error, or UnsafePathError; then no file is moved
 */
export function stageDeletion(directory: string, names: readonly string[], owner = ''): StagedDeletion {
  const root = fs.realpathSync.native(directory)
  const stage = fs.mkdtempSync(path.join(root, owner === '' ? PREFIX : `${PREFIX}${owner}-`))
  const moved: { readonly from: string; readonly to: string }[] = []
  const rollback = () => {
    // Another server that considers this one dead has restored them already.
    for (const { from, to } of moved.reverse()) if (exists(to)) fs.renameSync(to, from)
    fs.rmSync(stage, { recursive: true, force: true })
  }
  try {
    for (const name of names) {
      const from = resolveInside(root, name)
      const to = resolveInside(stage, name)
      if (moveFile(root, from, to)) moved.push({ from, to })
    }
  } catch (error) {
    rollback()
    throw error
  }
  return {
    rollback,
    commit() {
      try {
        fs.rmSync(stage, { recursive: true, force: true })
      } catch {
        // It is hidden; the next start removes it.
      }
      for (const parent of new Set(moved.map(({ from }) => path.dirname(from)))) removeEmptyDirectories(root, parent)
    }
  }
}

/**
 * Completes the deletions of processes that died. Files that the catalog still contains are restored, since their
 * deletion was not committed; all others are removed.
 * @param isKnown selects the paths that the catalog contains
 * @param isGone whether the server with this id is gone; the id is empty for deletions without an owner
 */
export async function recoverStagedDeletions(
  directory: string,
  isKnown: (paths: readonly string[]) => Promise<ReadonlySet<string>>,
  isGone: (owner: string) => boolean = () => true
): Promise<void> {
  const root = fs.realpathSync.native(directory)
  for (const name of fs.readdirSync(root)) {
    if (!name.startsWith(PREFIX) || !isGone(ownerOf(name))) continue
    const stage = path.join(root, name)
    const paths = filesBelow(stage)
    for (const known of await isKnown(paths)) {
      const to = resolveInside(root, known)
      if (!fs.existsSync(to)) moveFile(stage, resolveInside(stage, known), to)
    }
    fs.rmSync(stage, { recursive: true, force: true })
  }
}

/** Also true for a broken link: a relative link that was moved is one. */
function exists(file: string): boolean {
  return fs.lstatSync(file, { throwIfNoEntry: false }) !== undefined
}

function ownerOf(name: string): string {
  return /^(.+)-[^-]*$/.exec(name.slice(PREFIX.length))?.[1] ?? ''
}

/** Relative, with `/`. */
function filesBelow(directory: string): string[] {
  return fs
    .readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
}

/** @returns false when there is no such file inside `root` */
function moveFile(root: string, from: string, to: string): boolean {
  try {
    // A directory on the path may have become a link since the scan.
    if (!isInside(root, fs.realpathSync.native(path.dirname(from)))) return false
    if (fs.lstatSync(from).isDirectory()) return false
    fs.mkdirSync(path.dirname(to), { recursive: true })
    fs.renameSync(from, to)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}

/** Removes the directory and its parents below `root`, up to the first one that is not empty. */
function removeEmptyDirectories(root: string, directory: string): void {
  for (let current = directory; current !== root && isInside(root, current); current = path.dirname(current)) {
    try {
      fs.rmdirSync(current)
    } catch {
      return
    }
  }
}
