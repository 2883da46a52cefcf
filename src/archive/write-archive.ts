/** Packs files into an archive whose layout is known beforehand, and checks every byte on the way. */
import fs from 'node:fs'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'
import { BLOCK_BYTES, BlockWriter } from './block-writer.ts'
import { type EntryFacts, encodeCentralHeader, encodeEnd, encodeLocalHeader } from './layout.ts'

const read = promisify(fs.read)

/** An entry and its place, as the plan has it. */
export interface PlacedEntry extends EntryFacts {
  /** Where its local header begins. */
  readonly offset: number
}

/** A file open for reading. */
export interface EntrySource {
  readonly fd: number
  readonly size: number
}

export interface ArchiveOptions<Entry extends PlacedEntry> {
  /** Open for writing and empty; the caller closes it. */
  readonly fd: number
  /** The entries in their order, a page at a time; asked for twice, for the content and for the central directory. */
  readonly entries: () => AsyncIterable<readonly Entry[]>
  /** Opens an entry's file; this closes it. */
  readonly open: (entry: Entry) => EntrySource
  readonly isDurable: boolean
  /** Told, as the archive grows, how many bytes of it are durable. */
  readonly onDurable: (bytes: number) => void
  readonly signal: AbortSignal
}

/** A file is not what the plan says it is. */
export class SourceChangedError extends Error {
  override readonly name = 'SourceChangedError'
}

/** A file could not be opened or read; `cause` is the system's error. */
export class SourceUnreadableError extends Error {
  override readonly name = 'SourceUnreadableError'
}

/**
 * Files up to this size are read with a call of their own thread: through the thread pool a small read takes some fifty
 * times as long. They are collected, so that many of them make one write.
 */
const SMALL_FILE_BYTES = 256 * 1024

/**
 * Writes the whole archive.
 * @returns its size in bytes
 * @throws SourceChangedError, SourceUnreadableError, the signal's reason, or the system's error of writing
 */
export async function writeArchive<Entry extends PlacedEntry>(options: ArchiveOptions<Entry>): Promise<number> {
  const writer = new BlockWriter(options)
  try {
    for await (const page of options.entries()) {
      for (const entry of page) await writeEntry(writer, entry, options)
    }
    await writeDirectory(writer, options)
    await writer.end()
    return writer.position
  } finally {
    await writer.settle()
  }
}

async function writeEntry<Entry extends PlacedEntry>(
  writer: BlockWriter,
  entry: Entry,
  { open, signal }: ArchiveOptions<Entry>
): Promise<void> {
  signal.throwIfAborted()
  if (writer.position !== entry.offset)
    throw new Error(`${entry.name} is planned at ${entry.offset}, not ${writer.position}`)
  await writer.append(encodeLocalHeader(entry))
  const source = openSource(entry, open)
  try {
    if (source.size !== entry.size) throw changed(entry, `it has ${source.size} bytes instead of ${entry.size}`)
    const crc =
      entry.size <= SMALL_FILE_BYTES
        ? await copySmall(writer, entry, source.fd)
        : await copyLarge(writer, entry, source.fd, signal)
    if (crc !== entry.crc32) throw changed(entry, 'its content is another')
  } finally {
    fs.closeSync(source.fd)
  }
}

function openSource<Entry extends PlacedEntry>(entry: Entry, open: (entry: Entry) => EntrySource): EntrySource {
  try {
    return open(entry)
  } catch (cause) {
    throw unreadable(entry, cause)
  }
}

async function copySmall(writer: BlockWriter, entry: PlacedEntry, fd: number): Promise<number> {
  let crc = 0
  for (let done = 0; done < entry.size; ) {
    const space = await writer.space()
    const length = readSync(entry, fd, space, Math.min(space.length, entry.size - done), done)
    if (length === 0) throw changed(entry, `it ends after ${done} bytes instead of ${entry.size}`)
    crc = crc32(space.subarray(0, length), crc)
    writer.advance(length)
    done += length
  }
  return crc
}

function readSync(entry: PlacedEntry, fd: number, target: Buffer, length: number, position: number): number {
  try {
    return fs.readSync(fd, target, 0, length, position)
  } catch (cause) {
    throw unreadable(entry, cause)
  }
}

interface Chunk {
  readonly block: Buffer
  readonly length: number
}

/** While one block is checked here, the next one is read and the last one is written by other threads. */
async function copyLarge(writer: BlockWriter, entry: PlacedEntry, fd: number, signal: AbortSignal): Promise<number> {
  let crc = 0
  let next = readChunk(writer, entry, fd, 0)
  try {
    for (let done = 0; done < entry.size; ) {
      const { block, length } = await next
      done += length
      if (done < entry.size) next = readChunk(writer, entry, fd, done)
      crc = crc32(length === block.length ? block : block.subarray(0, length), crc)
      writer.putBlock(block, length)
      signal.throwIfAborted()
    }
    return crc
  } finally {
    // The caller closes the file: no read may be under way then, also when this throws.
    await next.catch(() => {})
  }
}

async function readChunk(writer: BlockWriter, entry: PlacedEntry, fd: number, position: number): Promise<Chunk> {
  const block = await writer.takeBlock()
  const wanted = Math.min(BLOCK_BYTES, entry.size - position)
  let length = 0
  while (length < wanted) {
    const { bytesRead } = await read(fd, block, length, wanted - length, position + length).catch((cause) => {
      throw unreadable(entry, cause)
    })
    if (bytesRead === 0) throw changed(entry, `it ends after ${position + length} bytes instead of ${entry.size}`)
    length += bytesRead
  }
  return { block, length }
}

async function writeDirectory<Entry extends PlacedEntry>(
  writer: BlockWriter,
  { entries, signal }: ArchiveOptions<Entry>
): Promise<void> {
  const offset = writer.position
  let entryCount = 0
  for await (const page of entries()) {
    signal.throwIfAborted()
    for (const entry of page) await writer.append(encodeCentralHeader(entry, entry.offset))
    entryCount += page.length
  }
  await writer.append(encodeEnd({ entryCount, offset, size: writer.position - offset }))
}

function changed(entry: PlacedEntry, how: string): SourceChangedError {
  return new SourceChangedError(`${entry.name} has changed: ${how}`)
}

function unreadable(entry: PlacedEntry, cause: unknown): SourceUnreadableError {
  const reason = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message
  return new SourceUnreadableError(`${entry.name} cannot be read: ${reason}`, { cause })
}
