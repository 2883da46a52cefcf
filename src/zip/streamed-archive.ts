/**
 * Reads an archive that is not stored anywhere. Its plan knows the position of every byte: headers are encoded, and
 * files are read, when they are requested. Memory is some headers and some small files, whatever the archive's size.
 */
import { type OpenContent, type Piece, pieceOfBytes, pieceOfFile } from './archive-piece.ts'
import { encodeCentralHeader, encodeEnd, encodeLocalHeader, type PlacedEntry } from './layout.ts'
import { readAhead } from './read-ahead.ts'

export interface StreamedArchiveOptions<Entry extends PlacedEntry> {
  /** Where the central directory begins. */
  readonly directoryOffset: number
  /** The entries from a position on, in order, in pages. */
  readonly entries: (from: number) => AsyncIterable<readonly Entry[]>
  /** The position of the entry that the byte at this offset belongs to; the offset is before the directory. */
  readonly positionAt: (offset: number) => Promise<number>
  /** Opens the content of an entry. @throws when it is not the file that was planned */
  readonly open: OpenContent<Entry>
}

/**
 * For one reader. A read that begins where the one before ended is fast; any other position costs a query of the plan.
 */
export class StreamedArchive<Entry extends PlacedEntry> {
  readonly #options: StreamedArchiveOptions<Entry>
  /** The pieces after the current one. */
  #pieces: AsyncGenerator<Piece> | undefined
  #piece: Piece | undefined
  #position = 0
  /** Bytes that the reader requests with one call. */
  #requestBytes = 0

  constructor(options: StreamedArchiveOptions<Entry>) {
    this.#options = options
  }

  /**
   * Fills the buffer, up to the end of the archive.
   * @returns the number of bytes read: 0 only at the end
   * @throws SourceChangedError for a file that ends too early. For a file that was read from its first byte on and
   * differs from the plan, it is thrown before its last byte is returned. Or the errors of the files
   */
  async readInto(buffer: Uint8Array, position: number): Promise<number> {
    this.#requestBytes = buffer.length
    if (this.#pieces === undefined || position !== this.#position) await this.#seek(position)
    let filled = 0
    while (filled < buffer.length) {
      const piece = this.#piece ?? (await this.#next())
      if (piece === undefined) break
      const length = await piece.readInto(buffer.subarray(filled), this.#position - piece.start)
      filled += length
      this.#position += length
      if (this.#position === piece.start + piece.length) await this.#closePiece()
    }
    return filled
  }

  async close(): Promise<void> {
    await this.#closePiece()
    await this.#pieces?.return(undefined)
    this.#pieces = undefined
  }

  async #seek(position: number): Promise<void> {
    await this.close()
    this.#pieces = this.#piecesAt(position)
    this.#position = position
    for (let piece = await this.#next(); piece !== undefined; piece = await this.#next()) {
      if (position < piece.start + piece.length) return
      await this.#closePiece()
    }
  }

  async #next(): Promise<Piece | undefined> {
    this.#piece = (await this.#pieces?.next())?.value
    return this.#piece
  }

  async #closePiece(): Promise<void> {
    const piece = this.#piece
    this.#piece = undefined
    await piece?.close()
  }

  /** The pieces from the one with this byte on, or from one shortly before it. */
  async *#piecesAt(position: number): AsyncGenerator<Piece> {
    const { directoryOffset, entries, positionAt, open } = this.#options
    if (position < directoryOffset) {
      const ahead = readAhead(entries(await positionAt(position)), open, () => this.#requestBytes)
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
