/**
 * Takes files out of the repository so that they all go, or none: they are put aside first, into a hidden directory.
 */
import fs from 'node:fs'
import path from 'node:path'
import type { StagedDeletion } from '../../core/catalog/deletion.ts'
import { isInside, resolveInside } from './safe-path.ts'

/** Hidden, so that no scan sees it; in the repository, since a rename does not leave a volume. */
const PREFIX = '.fixdepot-deleted-'

/**
 * Files that are not there any more are passed over, also where a directory is in their place.
 * @param directory of the repository
 * @param names relative to it
 * @param owner the server that does it, where there are others
 * @throws the system's error, or UnsafePathError; then all files are where they were
 */
export function stageDeletion(directory: string, names: readonly string[], owner = ''): StagedDeletion {
  const root = fs.realpathSync.native(directory)
  const aside = fs.mkdtempSync(path.join(root, owner === '' ? PREFIX : `${PREFIX}${owner}-`))
  const moved: { readonly from: string; readonly to: string }[] = []
  const restore = () => {
    // Another server that has taken this one for dead has brought them back already.
    for (const { from, to } of moved.reverse()) if (isThere(to)) fs.renameSync(to, from)
    fs.rmSync(aside, { recursive: true, force: true })
  }
  try {
    for (const name of names) {
      const from = resolveInside(root, name)
      const to = resolveInside(aside, name)
      if (moveIfThere(root, from, to)) moved.push({ from, to })
    }
  } catch (error) {
    restore()
    throw error
  }
  return {
    restore,
    remove() {
      try {
        fs.rmSync(aside, { recursive: true, force: true })
      } catch {
        // It is hidden, and goes with the next start.
      }
      for (const parent of new Set(moved.map(({ from }) => path.dirname(from)))) removeIfEmpty(root, parent)
    }
  }
}

/**
 * Ends what a process that died has begun: files that the catalog still has come back, since their deletion was never
 * told of; the others go.
 * @param isKnown of these paths those that the catalog has
 * @param isGone whether a server has, whose files are put aside; empty for those of nobody in particular
 */
export async function recoverStagedDeletions(
  directory: string,
  isKnown: (paths: readonly string[]) => Promise<ReadonlySet<string>>,
  isGone: (owner: string) => boolean = () => true
): Promise<void> {
  const root = fs.realpathSync.native(directory)
  for (const name of fs.readdirSync(root)) {
    if (!name.startsWith(PREFIX) || !isGone(ownerOf(name))) continue
    const aside = path.join(root, name)
    const paths = filesBelow(aside)
    for (const known of await isKnown(paths)) {
      const to = resolveInside(root, known)
      if (!fs.existsSync(to)) moveIfThere(aside, resolveInside(aside, known), to)
    }
    fs.rmSync(aside, { recursive: true, force: true })
  }
}

/** Also a link that leads nowhere, as one does that was moved. */
function isThere(file: string): boolean {
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

function moveIfThere(root: string, from: string, to: string): boolean {
  try {
    // A directory on the way may have become a link since the scan.
    if (!isInside(root, fs.realpathSync.native(path.dirname(from)))) return false
    // What is a directory now is somebody else's.
    if (fs.lstatSync(from).isDirectory()) return false
    fs.mkdirSync(path.dirname(to), { recursive: true })
    fs.renameSync(from, to)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}

/** And its parents, up to the repository itself. */
function removeIfEmpty(root: string, directory: string): void {
  for (let current = directory; current !== root && isInside(root, current); current = path.dirname(current)) {
    try {
      fs.rmdirSync(current)
    } catch {
      return
    }
  }
}
