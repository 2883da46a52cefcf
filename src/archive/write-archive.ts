/** Packs files into an archive whose layout is known beforehand, and checks every byte on the way. */
import fs from 'node:fs'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'
import { BLOCK_BYTES, BlockWriter } from './block-writer.ts'
import { type Checkpoint, CheckpointTrail } from './checkpoint-trail.ts'
import { type EntryFacts, encodeCentralHeader, encodeEnd, encodeLocalHeader } from './layout.ts'

const read = promisify(fs.read)

/** An entry and its place, as the plan has it. */
export interface PlacedEntry extends EntryFacts {
  /** Number of the entry, from 0. */
  readonly position: number
  /** Where its local header begins. */
  readonly offset: number
}

/** A file open for reading. */
export interface EntrySource {
  readonly fd: number
  readonly size: number
}

/** What of an archive is on the disk to stay. */
export interface Durable<Entry> {
  readonly bytes: number
  /** From where another run can go on; it lies at the end of these bytes or a little before. */
  readonly checkpoint: Checkpoint
  /** The last entry before the checkpoint that is whole; undefined when this run has none. */
  readonly lastEntry: Entry | undefined
}

export interface ArchiveOptions<Entry extends PlacedEntry> {
  /** Open for writing, as long as the checkpoint says; the caller closes it. */
  readonly fd: number
  readonly checkpoint: Checkpoint
  /** The entries from a position on, in their order, a page at a time; asked for twice: for the content and the directory. */
  readonly entries: (from: number) => AsyncIterable<readonly Entry[]>
  /** Opens an entry's file; this closes it. */
  readonly open: (entry: Entry) => EntrySource
  readonly isDurable: boolean
  /** Told as the archive grows, and not again before its promise is fulfilled. When it rejects, the run fails with that. */
  readonly onDurable: (durable: Durable<Entry>) => Promise<void> | void
  readonly signal: AbortSignal
}

/** A file is not what the plan says it is. */
export class SourceChangedError extends Error {
  override readonly name = 'SourceChangedError'
  readonly entry: PlacedEntry

  constructor(entry: PlacedEntry, how: string) {
    super(`${entry.name} has changed: ${how}`)
    this.entry = entry
  }
}

/** A file could not be opened or read; `cause` is the system's error. */
export class SourceUnreadableError extends Error {
  override readonly name = 'SourceUnreadableError'
  readonly entry: PlacedEntry

  constructor(entry: PlacedEntry, cause: unknown) {
    super(`${entry.name} cannot be read: ${(cause as NodeJS.ErrnoException).code ?? (cause as Error).message}`, {
      cause
    })
    this.entry = entry
  }
}

/**
 * Files up to this size are read with a call of their own thread: through the thread pool a small read takes some fifty
 * times as long. They are collected, so that many of them make one write.
 */
const SMALL_FILE_BYTES = 256 * 1024

/**
 * Writes the archive, or what is missing of it.
 * @returns its size in bytes
 * @throws SourceChangedError, SourceUnreadableError, the signal's reason, or the system's error of writing
 */
export async function writeArchive<Entry extends PlacedEntry>(options: ArchiveOptions<Entry>): Promise<number> {
  const { checkpoint, fd, isDurable, onDurable } = options
  const trail = new CheckpointTrail<Entry>(checkpoint)
  const writer = new BlockWriter({
    fd,
    isDurable,
    start: checkpoint.offset,
    onDurable: (bytes) => onDurable({ bytes, ...trail.upTo(bytes) })
  })
  try {
    for await (const page of options.entries(checkpoint.position)) {
      for (const entry of page) await writeEntry(writer, trail, entry, options)
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
  trail: CheckpointTrail<Entry>,
  entry: Entry,
  options: ArchiveOptions<Entry>
): Promise<void> {
  const { checkpoint, open, signal } = options
  signal.throwIfAborted()
  const header = encodeLocalHeader(entry)
  const isResumed = entry.position === checkpoint.position && checkpoint.offset > entry.offset
  const done = isResumed ? checkpoint.offset - entry.offset - header.length : 0
  const expected = isResumed ? checkpoint.offset : entry.offset
  if (writer.position !== expected) {
    throw new Error(`${entry.name} is planned at ${expected}, not ${writer.position}`)
  }
  if (!isResumed) await writer.append(header)
  const copied: Copied = { done, crc32: isResumed ? checkpoint.crc32 : 0 }
  const source = openSource(entry, open)
  try {
    if (source.size !== entry.size)
      throw new SourceChangedError(entry, `it has ${source.size} bytes instead of ${entry.size}`)
    const mark = (crc: number) => trail.mark({ offset: writer.position, position: entry.position, crc32: crc })
    const crc =
      entry.size <= SMALL_FILE_BYTES
        ? await copySmall(writer, entry, source.fd, copied)
        : await copyLarge(writer, entry, source.fd, copied, { signal, mark })
    if (crc !== entry.crc32) throw new SourceChangedError(entry, 'its content is another')
    trail.markWhole(entry, writer.position)
  } finally {
    fs.closeSync(source.fd)
  }
}

/** How much of an entry's content is in the archive. */
interface Copied {
  readonly done: number
  readonly crc32: number
}

function openSource<Entry extends PlacedEntry>(entry: Entry, open: (entry: Entry) => EntrySource): EntrySource {
  try {
    return open(entry)
  } catch (cause) {
    throw new SourceUnreadableError(entry, cause)
  }
}

async function copySmall(writer: BlockWriter, entry: PlacedEntry, fd: number, copied: Copied): Promise<number> {
  let crc = copied.crc32
  for (let { done } = copied; done < entry.size; ) {
    const space = await writer.space()
    const length = readSync(entry, fd, space, Math.min(space.length, entry.size - done), done)
    if (length === 0) throw new SourceChangedError(entry, `it ends after ${done} bytes instead of ${entry.size}`)
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
    throw new SourceUnreadableError(entry, cause)
  }
}

interface Chunk {
  readonly block: Buffer
  readonly length: number
}

/** While one block is checked here, the next one is read and the last one is written by other threads. */
async function copyLarge(
  writer: BlockWriter,
  entry: PlacedEntry,
  fd: number,
  copied: Copied,
  { signal, mark }: { signal: AbortSignal; mark: (crc: number) => void }
): Promise<number> {
  let crc = copied.crc32
  if (copied.done === entry.size) return crc
  let next = readChunk(writer, entry, fd, copied.done)
  try {
    for (let { done } = copied; done < entry.size; ) {
      const { block, length } = await next
      done += length
      if (done < entry.size) next = readChunk(writer, entry, fd, done)
      crc = crc32(length === block.length ? block : block.subarray(0, length), crc)
      writer.putBlock(block, length)
      mark(crc)
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
      throw new SourceUnreadableError(entry, cause)
    })
    if (bytesRead === 0)
      throw new SourceChangedError(entry, `it ends after ${position + length} bytes instead of ${entry.size}`)
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
  for await (const page of entries(0)) {
    signal.throwIfAborted()
    for (const entry of page) await writer.append(encodeCentralHeader(entry, entry.offset))
    entryCount += page.length
  }
  await writer.append(encodeEnd({ entryCount, offset, size: writer.position - offset }))
}
