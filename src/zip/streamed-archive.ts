/**
 * Reads an archive that is not there: since its plan knows the place of every byte, headers are made and files are read
 * as they are asked for. Memory is some headers and some small files, whatever the size of the archive.
 */
import { crc32 } from 'node:zlib'
import { encodeCentralHeader, encodeEnd, encodeLocalHeader } from './layout.ts'
import { type PlacedEntry, SourceChangedError } from './write-archive.ts'

/**
 * Small files are read whole, and some of them ahead: opening one takes longer than reading it, and several can be
 * opened at a time. No more is ahead than the reader takes at a time, since hundreds of slow ones wait with it.
 */
const SMALL_BYTES = 64 * 1024
const FILES_AHEAD = 8

/** The content of an entry; the caller that opens it closes it. */
export interface EntryContent {
  /** Reads from a position into the buffer, and gives back how many bytes these were: 0 only at the end. */
  readInto(buffer: Uint8Array, position: number): Promise<number>
  close(): Promise<void>
}

export interface PlannedArchiveOptions<Entry extends PlacedEntry> {
  /** Where the central directory begins. */
  readonly directoryOffset: number
  /** The entries from a position on, in their order, a page at a time. */
  readonly entries: (from: number) => AsyncIterable<readonly Entry[]>
  /** The position of the entry that the byte at this offset belongs to; asked for offsets before the directory. */
  readonly positionAt: (offset: number) => Promise<number>
  /** Opens the content of an entry. @throws what keeps it from being the file that was planned */
  readonly open: (entry: Entry) => Promise<EntryContent>
}

/** A run of bytes of the archive that come from one place; never empty. */
interface Piece {
  /** Where it begins in the archive. */
  readonly start: number
  readonly length: number
  /** @returns how many bytes from this position of the piece are in the buffer now; at least one */
  readInto(buffer: Uint8Array, position: number): Promise<number>
  close(): Promise<void>
}

/**
 * For one reader at a time. Going on where the last reading ended is fast; any other place costs a look into the plan.
 */
export class StreamedArchive<Entry extends PlacedEntry> {
  readonly #options: PlannedArchiveOptions<Entry>
  /** The pieces from the present one on. */
  #pieces: AsyncGenerator<Piece> | undefined
  #piece: Piece | undefined
  #position = 0
  /** How much the reader takes at a time. */
  #bytesAtATime = 0

  constructor(options: PlannedArchiveOptions<Entry>) {
    this.#options = options
  }

  /**
   * Fills the buffer, as far as the archive goes.
   * @returns how many bytes these were: 0 only at the end
   * @throws SourceChangedError before the last byte is given of a file that was read from its first one on and is not
   * what was planned, or ends too early; or what the files throw
   */
  async readInto(buffer: Uint8Array, position: number): Promise<number> {
    this.#bytesAtATime = buffer.length
    if (this.#pieces === undefined || position !== this.#position) await this.#seek(position)
    let filled = 0
    while (filled < buffer.length) {
      const piece = this.#piece ?? (await this.#next())
      if (piece === undefined) break
      const length = await piece.readInto(buffer.subarray(filled), this.#position - piece.start)
      filled += length
      this.#position += length
      if (this.#position === piece.start + piece.length) await this.#leave()
    }
    return filled
  }

  async close(): Promise<void> {
    await this.#leave()
    await this.#pieces?.return(undefined)
    this.#pieces = undefined
  }

  async #seek(position: number): Promise<void> {
    await this.close()
    this.#pieces = this.#piecesAt(position)
    this.#position = position
    for (let piece = await this.#next(); piece !== undefined; piece = await this.#next()) {
      if (position < piece.start + piece.length) return
      await this.#leave()
    }
  }

  async #next(): Promise<Piece | undefined> {
    this.#piece = (await this.#pieces?.next())?.value
    return this.#piece
  }

  async #leave(): Promise<void> {
    const piece = this.#piece
    this.#piece = undefined
    await piece?.close()
  }

  /** The pieces from the one with this byte on, or from one before it. */
  async *#piecesAt(position: number): AsyncGenerator<Piece> {
    const { directoryOffset, entries, positionAt, open } = this.#options
    if (position < directoryOffset) {
      const ahead = readAhead(entries(await positionAt(position)), open, () => this.#bytesAtATime)
      for await (const { entry, content } of ahead) {
        const header = encodeLocalHeader(entry)
        yield pieceOfBytes(header, entry.offset)
        const start = entry.offset + header.length
        if (content !== undefined) yield pieceOfBytes(await content, start, true)
        else if (entry.size > 0) yield pieceOfFile(entry, start, open)
      }
    }
    let start = directoryOffset
    let entryCount = 0
    for await (const page of entries(0)) {
      const headers = Buffer.concat(page.map((entry) => encodeCentralHeader(entry, entry.offset)))
      yield pieceOfBytes(headers, start)
      start += headers.length
      entryCount += page.length
    }
    yield pieceOfBytes(encodeEnd({ entryCount, offset: directoryOffset, size: start - directoryOffset }), start)
  }
}

interface AheadEntry<Entry> {
  readonly entry: Entry
  /** Of a small file. */
  readonly content: Promise<Buffer> | undefined
  /** Of that content. */
  readonly bytes: number
}

/** Whoever ends this early waits until the files that are being read are closed. */
async function* readAhead<Entry extends PlacedEntry>(
  pages: AsyncIterable<readonly Entry[]>,
  open: (entry: Entry) => Promise<EntryContent>,
  maxBytes: () => number
): AsyncGenerator<AheadEntry<Entry>> {
  const ahead: AheadEntry<Entry>[] = []
  let bytes = 0
  /** It stays in the list until whoever got it comes back. */
  function* first(): Generator<AheadEntry<Entry>> {
    const entry = ahead[0] as AheadEntry<Entry>
    yield entry
    ahead.shift()
    bytes -= entry.bytes
  }
  try {
    for await (const page of pages) {
      for (const entry of page) {
        const { size } = entry
        const isSmall = size > 0 && size <= SMALL_BYTES
        while (ahead.length > 0 && isSmall && bytes + size > maxBytes()) yield* first()
        const content = isSmall ? readWhole(entry, open) : undefined
        // Whoever comes to it gets the error.
        content?.catch(() => {})
        ahead.push({ entry, content, bytes: isSmall ? size : 0 })
        bytes += isSmall ? size : 0
        if (ahead.length > FILES_AHEAD) yield* first()
      }
    }
    while (ahead.length > 0) yield* first()
  } finally {
    await Promise.allSettled(ahead.map(({ content }) => content))
  }
}

async function readWhole<Entry extends PlacedEntry>(
  entry: Entry,
  open: (entry: Entry) => Promise<EntryContent>
): Promise<Buffer> {
  const piece = pieceOfFile(entry, 0, open)
  try {
    const bytes = Buffer.allocUnsafeSlow(piece.length)
    for (let filled = 0; filled < bytes.length; ) filled += await piece.readInto(bytes.subarray(filled), filled)
    return bytes
  } finally {
    await piece.close()
  }
}

/** @param isOwn nobody else has the memory: it goes back at once, and does not wait for the garbage collector */
function pieceOfBytes(bytes: Buffer, start: number, isOwn = false): Piece {
  return {
    start,
    length: bytes.length,
    readInto: async (buffer, position) => bytes.copy(buffer, 0, position),
    async close() {
      if (isOwn && bytes.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0)
    }
  }
}

function pieceOfFile<Entry extends PlacedEntry>(
  entry: Entry,
  start: number,
  open: (entry: Entry) => Promise<EntryContent>
): Piece {
  const { size, crc32: expectedCrc } = entry
  let content: EntryContent | undefined
  /** Of the bytes before `checked`; whoever begins in the middle checks nothing. */
  let crc = 0
  let checked = 0
  return {
    start,
    length: size,
    async readInto(buffer, position) {
      content ??= await open(entry)
      const target = buffer.subarray(0, size - position)
      const length = await content.readInto(target, position)
      const end = position + length
      if (length === 0) throw new SourceChangedError(entry, `it ends after ${end} bytes instead of ${size}`)
      if (position === checked) {
        crc = crc32(target.subarray(0, length), crc)
        checked = end
        if (end === size && crc !== expectedCrc) throw new SourceChangedError(entry, 'its content is another')
      }
      return length
    },
    close: async () => content?.close()
  }
}
