/** Packs files into an archive whose layout is known beforehand, and checks every byte on the way. */
import fs from 'node:fs'
import { crc32 } from 'node:zlib'
import type { ArchiveOutput } from './archive-output.ts'
import { type Checkpoint, CheckpointTrail } from './checkpoints.ts'
import { type EntrySource, SourceChangedError, SourceUnreadableError } from './entry-source.ts'
import { encodeCentralHeader, encodeEnd, encodeLocalHeader, type PlacedEntry } from './layout.ts'

/** The durable part of an archive. */
export interface Durable<Entry> {
  readonly bytes: number
  /** Another run can resume here; at the end of these bytes or a little before. */
  readonly checkpoint: Checkpoint
  /** The last whole entry before the checkpoint; undefined when this run has none. */
  readonly lastEntry: Entry | undefined
}

/** The part of an entry's content that is in the archive already. */
interface Copied {
  readonly done: number
  readonly crc32: number
}

export interface ArchiveOptions<Entry extends PlacedEntry> {
  /** Opens the output of the bytes after the checkpoint. It calls `onDurable` with the durable bytes of the archive. */
  readonly openOutput: (start: number, onDurable: (bytes: number) => Promise<void> | void) => ArchiveOutput
  readonly checkpoint: Checkpoint
  /**
   * The entries from a position on, in order, in pages. It is called twice: for the content and for the directory.
   */
  readonly entries: (from: number) => AsyncIterable<readonly Entry[]>
  /** Opens the content of an entry; `writeArchive` closes it. */
  readonly open: (entry: Entry) => EntrySource
  /**
   * Called as the archive grows, and not again before its promise is fulfilled. Its rejection is the error of the run.
   */
  readonly onDurable: (durable: Durable<Entry>) => Promise<void> | void
  readonly signal: AbortSignal
}

/**
 * Writes the archive from the checkpoint on.
 * @returns its size in bytes
 * @throws SourceChangedError, SourceUnreadableError, the signal's reason, or the system's error of the output
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
    throw new Error(`${entry.path} is planned at ${expected}, not ${output.position}`)
  }
  if (!isResumed) await output.append(header)
  const copied: Copied = { done, crc32: isResumed ? checkpoint.crc32 : 0 }
  const source = openSource(entry, open)
  try {
    const { size, crc32: expectedCrc } = entry
    if (source.size !== size) throw new SourceChangedError(entry, `it has ${source.size} bytes instead of ${size}`)
    const addCheckpoint = (crc: number) => trail.add({ offset: output.position, position: entry.position, crc32: crc })
    const crc = await copyContent(output, entry, source.fd, copied, { signal, addCheckpoint })
    if (crc !== expectedCrc) throw new SourceChangedError(entry, 'its content is different')
    trail.addAfter(entry, output.position)
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
 * Copies with synchronous calls: through the thread pool a small read takes about fifty times as long, and bytes that
 * were just read are still in the core's cache when their CRC-32 is computed.
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
