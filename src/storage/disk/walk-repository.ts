/** Walks the repository directory and returns the facts of its files, without reading any content. */
import fs from 'node:fs'
import path from 'node:path'
import { type CatalogProblem, catalogProblem } from '../../core/catalog/package.ts'
import { reasonOf } from '../../core/problems/system-error.ts'
import { isSafeName } from '../../core/storage/relative-path.ts'
import { isInside } from './safe-path.ts'

/** A file that a walk has found. */
export interface WalkedFile {
  /** Relative to the repository, with `/`. */
  readonly path: string
  /** The directory of the file, relative to the repository; empty for the repository itself. */
  readonly directory: string
  readonly name: string
  readonly size: number
  /** Whole seconds since 1970 UTC. */
  readonly modifiedAt: number
  /** Differs whenever the file's content or time may have changed. */
  readonly stamp: string
}

export type WalkEntry = { readonly file: WalkedFile } | { readonly problem: CatalogProblem }

/** Names that one call of the system returns. */
const DIRECTORY_BUFFER = 1024

/**
 * Everything below `root`, one directory after the other, in no particular order, without hidden files. Synchronous,
 * for a separate thread: a synchronous call takes a tenth of the time of one through the thread pool.
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
        const found = statEntry(root, directory, relative, entry.name)
        if (found !== undefined) yield found
      }
    }
  } finally {
    handle.closeSync()
  }
}

/** Undefined for a file that was removed since its name was read. */
function statEntry(root: string, directory: string, relative: string, name: string): WalkEntry | undefined {
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

/** The stamp of a file: its size, time of change in nanoseconds, and inode. */
export function stampOf(stat: fs.BigIntStats): string {
  return `${stat.size}:${stat.mtimeNs}:${stat.ino}`
}

/** Whole seconds, rounded down, also before 1970. */
export function secondsOf(nanoseconds: bigint): number {
  const seconds = nanoseconds / 1_000_000_000n
  return Number(nanoseconds < 0n && seconds * 1_000_000_000n !== nanoseconds ? seconds - 1n : seconds)
}
