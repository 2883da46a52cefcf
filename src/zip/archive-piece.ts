/** The pieces that a streamed archive is made of: headers, and the content of files. */
import { crc32 } from 'node:zlib'
import { type EntryContent, SourceChangedError } from './entry-source.ts'
import type { PlacedEntry } from './layout.ts'

/** A range of bytes of the archive that come from one source; never empty. */
export interface Piece {
  /** Where it begins in the archive. */
  readonly start: number
  readonly length: number
  /** Reads from a position of the piece into the buffer. @returns the number of bytes read, at least one */
  readInto(buffer: Uint8Array, position: number): Promise<number>
  close(): Promise<void>
}

export type OpenContent<Entry extends PlacedEntry> = (entry: Entry) => Promise<EntryContent>

/** @param isOwned `close` releases the memory at once, without waiting for the garbage collector */
export function pieceOfBytes(bytes: Buffer, start: number, isOwned = false): Piece {
  return {
    start,
    length: bytes.length,
    readInto: async (buffer, position) => bytes.copy(buffer, 0, position),
    async close() {
      if (isOwned && bytes.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0)
    }
  }
}

/** Opens the file when its first byte is read. */
export function pieceOfFile<Entry extends PlacedEntry>(entry: Entry, start: number, open: OpenContent<Entry>): Piece {
  const { size, crc32: expectedCrc } = entry
  let content: EntryContent | undefined
  /** Of the bytes before `checked`; a reader that begins in the middle checks nothing. */
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
        if (end === size && crc !== expectedCrc) throw new SourceChangedError(entry, 'its content is different')
      }
      return length
    },
    close: async () => content?.close()
  }
}
