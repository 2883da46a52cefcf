/** Where a checked name becomes a path, and where a file of the repository is opened. */
import fs from 'node:fs'
import path from 'node:path'
import { checkRelativePath, UnsafePathError } from '../core/relative-path.ts'

/** An open file and its facts at that moment. Whoever gets it closes it. */
export interface OpenFile {
  readonly fd: number
  readonly stat: fs.BigIntStats
}

/** The absolute path of a relative name below `root`. Symbolic links are checked when the file is opened. */
export function resolveInside(root: string, name: string): string {
  return path.join(root, checkRelativePath(name))
}

/**
 * Opens a regular file below `root` for reading. Symbolic links are followed as long as they stay inside.
 * @param root real path of the directory, as `fs.realpathSync` gives it
 * @throws UnsafePathError when the name is not safe, the file lies outside, or it is not a regular file
 */
export function openInside(root: string, name: string): OpenFile {
  const absolute = resolveInside(root, name)
  // Without O_NONBLOCK the open of a FIFO that somebody put in the place of a file would never return.
  const fd = fs.openSync(absolute, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  try {
    const stat = fs.fstatSync(fd, { bigint: true })
    if (!stat.isFile()) throw new UnsafePathError(`${name} is not a regular file`)
    if (!isInside(root, realPathOf(fd, absolute))) throw new UnsafePathError(`${name} leads out of the repository`)
    return { fd, stat }
  } catch (error) {
    fs.closeSync(fd)
    throw error
  }
}

/** Whether an absolute path is `root` or lies below it. */
export function isInside(root: string, absolute: string): boolean {
  return absolute === root || absolute.startsWith(root.endsWith(path.sep) ? root : root + path.sep)
}

/** Asked of the descriptor where the system can tell, so that nothing can be swapped between the check and the reading. */
function realPathOf(fd: number, absolute: string): string {
  if (process.platform !== 'linux') return fs.realpathSync.native(absolute)
  return fs.readlinkSync(`/proc/self/fd/${fd}`)
}
