/** Archives for tests: the offsets of their entries, their expected bytes, and how they are packed. */
import fs from 'node:fs'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { BlockWriter } from '../../../src/storage/disk/writer/block-writer.ts'
import {
  centralHeaderSize,
  type EntryFacts,
  encodeCentralHeader,
  encodeEnd,
  encodeLocalHeader,
  endSize,
  localHeaderSize,
  type PlacedEntry
} from '../../../src/zip/layout.ts'
import { type ArchiveOptions, writeArchive } from '../../../src/zip/write-archive.ts'

export type Contents = Readonly<Record<string, Buffer>>

/** 2018-11-12T01:17:43Z: an odd second. */
export const MODIFIED_AT = 1_541_985_463

export function factsOf(contents: Contents): EntryFacts[] {
  return Object.entries(contents).map(([path, content]) => ({
    path,
    size: content.length,
    crc32: crc32(content),
    modifiedAt: MODIFIED_AT
  }))
}

/** Places the entries one after the other, like a plan. */
export function placeEntries(facts: readonly EntryFacts[]): PlacedEntry[] {
  let offset = 0
  return facts.map((entry, position) => {
    const placed = { ...entry, position, offset }
    offset += localHeaderSize(entry) + entry.size
    return placed
  })
}

/** The archive's size according to its plan. */
export function plannedSize(entries: readonly PlacedEntry[]): number {
  const last = entries.at(-1)
  const offset = last === undefined ? 0 : last.offset + localHeaderSize(last) + last.size
  const size = entries.reduce((sum, entry) => sum + centralHeaderSize(entry, entry.offset), 0)
  return offset + size + endSize({ entryCount: entries.length, offset, size })
}

/** The expected bytes of an archive. */
export function expectedArchive(contents: Contents): Buffer {
  const entries = placeEntries(factsOf(contents))
  const files = entries.flatMap((entry) => [encodeLocalHeader(entry), contents[entry.path] ?? Buffer.alloc(0)])
  return Buffer.concat([...files, encodeDirectory(entries)])
}

/** All bytes after the last content. */
export function encodeDirectory(entries: readonly PlacedEntry[]): Buffer {
  const last = entries.at(-1)
  const offset = last === undefined ? 0 : last.offset + localHeaderSize(last) + last.size
  const headers = Buffer.concat(entries.map((entry) => encodeCentralHeader(entry, entry.offset)))
  return Buffer.concat([headers, encodeEnd({ entryCount: entries.length, offset, size: headers.length })])
}

/** Bytes that differ in any two blocks: their period does not divide a power of two. */
export function patternOf(size: number, key: number): Buffer {
  const period = Buffer.from(
    Array.from({ length: 997 }, (_, index) => (index * index + key * 31 + (index >> 3)) & 0xff)
  )
  return Buffer.alloc(size, period)
}

export function writeFiles(directory: string, contents: Contents): void {
  for (const [name, content] of Object.entries(contents)) {
    const path = join(directory, name)
    fs.mkdirSync(dirname(path), { recursive: true })
    fs.writeFileSync(path, content)
  }
}

export interface Packing extends Partial<ArchiveOptions<PlacedEntry>> {
  readonly isDurable?: boolean
  /** The directory of the files. */
  readonly sources?: string
  readonly entries: ArchiveOptions<PlacedEntry>['entries']
}

/** Packs the entries into a file. @returns the size of the archive in bytes */
export async function packInto(
  path: string,
  { sources = '', isDurable = false, ...options }: Packing,
  flags = 'w'
): Promise<number> {
  const fd = fs.openSync(path, flags)
  try {
    return await writeArchive({
      openOutput: (start, onDurable) => new BlockWriter({ fd, start, isDurable, onDurable }),
      open: (entry) => openFile(join(sources, entry.path)),
      checkpoint: { offset: 0, position: 0, crc32: 0 },
      onDurable: () => {},
      signal: new AbortController().signal,
      ...options
    })
  } finally {
    fs.closeSync(fd)
  }
}

export function openFile(path: string): { fd: number; size: number } {
  const fd = fs.openSync(path, 'r')
  return { fd, size: fs.fstatSync(fd).size }
}

/** Pages of the entries. */
export function pagesOf(
  entries: readonly PlacedEntry[],
  length = 100
): (from: number) => AsyncGenerator<PlacedEntry[]> {
  return async function* (from) {
    for (let start = from; start < entries.length; start += length) yield entries.slice(start, start + length)
  }
}
