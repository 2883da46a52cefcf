/** Joins checked names to paths, and opens the files of the repository. */
import fs from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import path from 'node:path'
import { checkRelativePath, UnsafePathError } from '../../core/storage/relative-path.ts'

/** An open file and its facts at that moment. The caller closes it. */
export interface OpenDescriptor {
  readonly fd: number
  readonly stat: fs.BigIntStats
}

/** The same for a thread that must not wait for a disk. */
export interface OpenHandle {
  readonly handle: FileHandle
  readonly stat: fs.BigIntStats
}

/** If a FIFO has replaced a file, an open without O_NONBLOCK would never return. */
const READ_ONLY = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK

/** The absolute path of a relative name below `root`. Symbolic links are checked when the file is opened. */
export function resolveInside(root: string, name: string): string {
  return path.join(root, checkRelativePath(name))
}

/**
 * Opens a regular file below `root` for reading. Symbolic links are followed if they stay inside.
 * @param root real path of the directory, as `fs.realpathSync` returns it
 * @throws UnsafePathError when the name is not safe, or the file is outside `root` or not a regular file
 */
export function openInside(root: string, name: string): OpenDescriptor {
  const absolute = resolveInside(root, name)
  const fd = fs.openSync(absolute, READ_ONLY)
  try {
    const stat = fs.fstatSync(fd, { bigint: true })
    checkOpened(root, name, { fd, stat })
    return { fd, stat }
  } catch (error) {
    fs.closeSync(fd)
    throw error
  }
}

/** The asynchronous form of `openInside`. */
export async function openHandleInside(root: string, name: string): Promise<OpenHandle> {
  const absolute = resolveInside(root, name)
  const handle = await open(absolute, READ_ONLY)
  try {
    const stat = await handle.stat({ bigint: true })
    checkOpened(root, name, { fd: handle.fd, stat })
    return { handle, stat }
  } catch (error) {
    await handle.close()
    throw error
  }
}

function checkOpened(root: string, name: string, { fd, stat }: OpenDescriptor): void {
  if (!stat.isFile()) throw new UnsafePathError(`${name} is not a regular file`)
  const real = realPathOf(fd, resolveInside(root, name))
  if (!isInside(root, real)) throw new UnsafePathError(`${name} leads out of the repository`)
}

/** Whether an absolute path is `root` or below it. */
export function isInside(root: string, absolute: string): boolean {
  return absolute === root || absolute.startsWith(root.endsWith(path.sep) ? root : root + path.sep)
}

/**
 * Taken from the descriptor where the system supports it, so that the file cannot be swapped between check and read.
 */
function realPathOf(fd: number, absolute: string): string {
  if (process.platform !== 'linux') return fs.realpathSync.native(absolute)
  return fs.readlinkSync(`/proc/self/fd/${fd}`)
}
