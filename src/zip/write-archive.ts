/** Packs files into an archive whose layout is known beforehand, and checks every byte on the way. */
import fs from 'node:fs'
import { crc32 } from 'node:zlib'
import { type Checkpoint, CheckpointTrail } from './checkpoints.ts'
import { type EntrySource, type PlacedEntry, SourceChangedError, SourceUnreadableError } from './entry-source.ts'
import { encodeCentralHeader, encodeEnd, encodeLocalHeader } from './layout.ts'

export { type EntrySource, type PlacedEntry, SourceChangedError, SourceUnreadableError } from './entry-source.ts'

/** What of an archive is on the disk to stay. */
export interface Durable<Entry> {
  readonly bytes: number
  /** From where another run can go on; it lies at the end of these bytes or a little before. */
  readonly checkpoint: Checkpoint
  /** The last entry before the checkpoint that is whole; undefined when this run has none. */
  readonly lastEntry: Entry | undefined
}

/** How much of an entry's content is in the archive. */
interface Copied {
  readonly done: number
  readonly crc32: number
}

/** Takes the bytes of the archive, one behind the other. */
export interface ArchiveOutput {
  /** Bytes of the archive so far, those before the checkpoint included. */
  readonly position: number
  /** Set where another run can go on at multiples of it only. */
  readonly checkpointEvery?: number
  /** Room for the next bytes, at least one; what is put there counts once `advance` is called. */
  space(): Promise<Buffer>
  advance(bytes: number): void
  append(bytes: Buffer): Promise<void>
  /** Everything is written, and as durable as it is to be, when this resolves. */
  end(): Promise<void>
  /** Waits until nothing is under way any more, also for who gives up. Never throws. */
  settle(): Promise<void>
}

export interface ArchiveOptions<Entry extends PlacedEntry> {
  /** Opens what takes the bytes behind the checkpoint, and tells how many of the whole archive are durable. */
  readonly openOutput: (start: number, onDurable: (bytes: number) => Promise<void> | void) => ArchiveOutput
  readonly checkpoint: Checkpoint
  /**
   * The entries from a position on, in their order, a page at a time; asked for twice: for the content and the
   * directory.
   */
  readonly entries: (from: number) => AsyncIterable<readonly Entry[]>
  /** Opens the content of an entry; this closes it. */
  readonly open: (entry: Entry) => EntrySource
  /**
   * Told as the archive grows, and not again before its promise is fulfilled. When it rejects, the run fails with that.
   */
  readonly onDurable: (durable: Durable<Entry>) => Promise<void> | void
  readonly signal: AbortSignal
}

/**
 * Writes the archive, or what is missing of it.
 * @returns its size in bytes
 * @throws SourceChangedError, SourceUnreadableError, the signal's reason, or the system's error of writing
 */
export async function writeArchive<Entry extends PlacedEntry>(options: ArchiveOptions<Entry>): Promise<number> {
  const { checkpoint, onDurable } = options
  const output = options.openOutput(checkpoint.offset, (bytes) => onDurable({ bytes, ...trail.upTo(bytes) }))
  const trail = new CheckpointTrail<Entry>(checkpoint, output.checkpointEvery)
  try {
    for await (const page of options.entries(checkpoint.position)) {
      for (const entry of page) await writeEntry(output, trail, entry, options)
    }
    await writeDirectory(output, options)
    await output.end()
    return output.position
  } finally {
    await output.settle()
  }
}

async function writeEntry<Entry extends PlacedEntry>(
  output: ArchiveOutput,
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
  if (output.position !== expected) {
    throw new Error(`${entry.name} is planned at ${expected}, not ${output.position}`)
  }
  if (!isResumed) await output.append(header)
  const copied: Copied = { done, crc32: isResumed ? checkpoint.crc32 : 0 }
  const source = openSource(entry, open)
  try {
    const { size, crc32: expectedCrc } = entry
    if (source.size !== size) throw new SourceChangedError(entry, `it has ${source.size} bytes instead of ${size}`)
    const addCheckpoint = (crc: number) =>
      trail.addCheckpoint({ offset: output.position, position: entry.position, crc32: crc })
    const crc = await copyContent(output, entry, source.fd, copied, { signal, addCheckpoint })
    if (crc !== expectedCrc) throw new SourceChangedError(entry, 'its content is another')
    trail.addEntryEnd(entry, output.position)
  } finally {
    fs.closeSync(source.fd)
  }
}

function openSource<Entry extends PlacedEntry>(entry: Entry, open: (entry: Entry) => EntrySource): EntrySource {
  try {
    return open(entry)
  } catch (cause) {
    throw new SourceUnreadableError(entry, cause)
  }
}

/**
 * With calls of this thread: through the thread pool a small read takes some fifty times as long, and what was read
 * just now is still in the core's cache when it is checked.
 */
async function copyContent(
  output: ArchiveOutput,
  entry: PlacedEntry,
  fd: number,
  copied: Copied,
  { signal, addCheckpoint }: { signal: AbortSignal; addCheckpoint: (crc: number) => void }
): Promise<number> {
  const { size } = entry
  let crc = copied.crc32
  for (let { done } = copied; done < size; ) {
    const space = await output.space()
    signal.throwIfAborted()
    const length = readSync(entry, fd, space, Math.min(space.length, size - done), done)
    if (length === 0) throw new SourceChangedError(entry, `it ends after ${done} bytes instead of ${size}`)
    crc = crc32(length === space.length ? space : space.subarray(0, length), crc)
    output.advance(length)
    done += length
    if (done < size) addCheckpoint(crc)
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

async function writeDirectory<Entry extends PlacedEntry>(
  output: ArchiveOutput,
  { entries, signal }: ArchiveOptions<Entry>
): Promise<void> {
  const offset = output.position
  let entryCount = 0
  for await (const page of entries(0)) {
    signal.throwIfAborted()
    for (const entry of page) await output.append(encodeCentralHeader(entry, entry.offset))
    entryCount += page.length
  }
  await output.append(encodeEnd({ entryCount, offset, size: output.position - offset }))
}
