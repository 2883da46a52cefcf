/** Walks the repository directory and tells what lies there, without reading any content. */
import fs from 'node:fs'
import path from 'node:path'
import { type CatalogProblem, catalogProblem } from '../../core/catalog/package.ts'
import { reasonOf } from '../../core/problems/system-error.ts'
import { isSafeName } from '../../core/storage/relative-path.ts'
import { isInside } from './safe-path.ts'

/** A file, as a walk sees it. */
export interface WalkedFile {
  /** Relative to the repository, with `/`. */
  readonly path: string
  /** Its directory, relative to the repository, empty for the repository itself. */
  readonly directory: string
  readonly name: string
  readonly size: number
  /** Whole seconds since 1970 UTC. */
  readonly modifiedAt: number
  /** Changes whenever the file's content, or its time, can have changed. */
  readonly stamp: string
}

export type WalkEntry = { readonly file: WalkedFile } | { readonly problem: CatalogProblem }

/** How many names are taken from the system at once. */
const DIRECTORY_BUFFER = 1024

/**
 * Everything below `root`, a directory at a time, in no particular order; hidden files are passed over. Synchronous,
 * for a thread of its own: a call for a name costs a tenth of what it does through the thread pool.
 * @param root real path of the repository
 * @throws when the root itself cannot be read
 */
export function* walkRepository(root: string): Generator<WalkEntry> {
  const pending = ['']
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    try {
      yield* readDirectory(root, directory, pending)
    } catch (error) {
      if (directory === '') throw error
      yield { problem: catalogProblem('unreadable', directory, reasonOf(error)) }
    }
  }
}

function* readDirectory(root: string, directory: string, pending: string[]): Generator<WalkEntry> {
  const handle = fs.opendirSync(path.join(root, directory), { bufferSize: DIRECTORY_BUFFER })
  try {
    for (let entry = handle.readSync(); entry !== null; entry = handle.readSync()) {
      if (entry.name.startsWith('.')) continue
      const relative = directory === '' ? entry.name : `${directory}/${entry.name}`
      if (!isSafeName(entry.name)) yield { problem: catalogProblem('unsafe-name', relative) }
      else if (entry.isDirectory()) pending.push(relative)
      else {
        const walked = inspect(root, directory, relative, entry.name)
        if (walked !== undefined) yield walked
      }
    }
  } finally {
    handle.closeSync()
  }
}

/** Undefined for what has gone since its name was read. */
function inspect(root: string, directory: string, relative: string, name: string): WalkEntry | undefined {
  const absolute = path.join(root, relative)
  let isLink = false
  try {
    let stat = fs.lstatSync(absolute, { bigint: true })
    isLink = stat.isSymbolicLink()
    if (isLink) {
      const target = fs.realpathSync.native(absolute)
      if (!isInside(root, target)) return { problem: catalogProblem('link-outside', relative) }
      stat = fs.statSync(target, { bigint: true })
      if (stat.isDirectory()) return { problem: catalogProblem('link-to-directory', relative) }
    }
    if (!stat.isFile()) return { problem: catalogProblem('special-file', relative) }
    return { file: walkedFile(directory, relative, name, stat) }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' && !isLink) return undefined
    const isBrokenLink = code === 'ENOENT' || code === 'ELOOP'
    return { problem: catalogProblem(isBrokenLink ? 'broken-link' : 'unreadable', relative, reasonOf(error)) }
  }
}

function walkedFile(directory: string, relative: string, name: string, stat: fs.BigIntStats): WalkedFile {
  return {
    path: relative,
    directory,
    name,
    size: Number(stat.size),
    modifiedAt: secondsOf(stat.mtimeNs),
    stamp: stampOf(stat)
  }
}

/** The stamp of a file that is open or was looked at: its size, time of change in nanoseconds, and inode. */
export function stampOf(stat: fs.BigIntStats): string {
  return `${stat.size}:${stat.mtimeNs}:${stat.ino}`
}

/** Whole seconds, rounded down, also before 1970. */
export function secondsOf(nanoseconds: bigint): number {
  const seconds = nanoseconds / 1_000_000_000n
  return Number(nanoseconds < 0n && seconds * 1_000_000_000n !== nanoseconds ? seconds - 1n : seconds)
}
