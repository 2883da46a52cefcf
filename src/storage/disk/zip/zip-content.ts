/** The content of an entry in a .zip whose directory has been checked. */
import { pipeline, Readable } from 'node:stream'
import { createInflateRaw } from 'node:zlib'
import { readFully } from '../read-file.ts'
import { WRITE_BYTES } from '../writer/write-digested.ts'
import { refuseEntry, type ZipEntry } from './zip-directory.ts'

const INFLATE_BYTES = 256 * 1024
const LOCAL_HEADER_SIZE = 30
const LOCAL_SIGNATURE = 0x04034b50

/**
 * Where the content of an entry begins.
 * @param limit offset of the next part of the archive
 * @throws ZipRefused
 */
export function contentStart(fd: number, { name, offset, rawName, compressedSize }: ZipEntry, limit: number): number {
  const header = Buffer.alloc(LOCAL_HEADER_SIZE + rawName.length)
  const length = readFully(fd, header, offset)
  const isHeader =
    length === header.length &&
    header.readUInt32LE(0) === LOCAL_SIGNATURE &&
    header.readUInt16LE(26) === rawName.length &&
    header.subarray(LOCAL_HEADER_SIZE).equals(rawName)
  if (!isHeader) refuseEntry(name, 'has a different name in its local header')
  const start = offset + header.length + header.readUInt16LE(28)
  if (start + compressedSize > limit) refuseEntry(name, 'overlaps with another part of the archive')
  return start
}

/**
 * The content of an entry, unpacked. A piece is overwritten once the second piece after it is requested.
 * @param start the result of `contentStart`
 * @param onPacked called with the bytes as they are in the archive
 * @throws ZipRefused when it is not valid deflate data, RangeError when the archive has become shorter
 */
export async function* contentOf(
  fd: number,
  entry: ZipEntry,
  start: number,
  onPacked: (piece: Buffer) => void = () => {}
): AsyncGenerator<Buffer> {
  const { compressedSize } = entry
  if (!entry.isDeflated) {
    // One buffer is read into while the other one is written.
    const buffers = [0, 1].map(() => Buffer.allocUnsafe(Math.min(compressedSize, WRITE_BYTES)))
    let index = 0
    yield* readRange(fd, start, compressedSize, onPacked, () => {
      index = 1 - index
      return buffers[index] as Buffer
    })
    return
  }
  // Streams read ahead: each piece needs separate memory.
  const deflated = readRange(fd, start, compressedSize, onPacked, () => Buffer.allocUnsafe(INFLATE_BYTES))
  const inflated = createInflateRaw({ chunkSize: INFLATE_BYTES })
  // The reader gets the error; when there is no reader any more, the error must not end the process.
  inflated.on('error', () => {})
  pipeline(Readable.from(deflated), inflated, () => {})
  try {
    yield* inflated as AsyncIterable<Buffer>
  } catch (error) {
    // Error codes of zlib: the input is not valid deflate data.
    if (!/^Z_/.test((error as NodeJS.ErrnoException).code ?? '')) throw error
    refuseEntry(entry.name, 'is damaged')
  }
}

async function* readRange(
  fd: number,
  start: number,
  size: number,
  onPiece: (piece: Buffer) => void,
  memory: () => Buffer
): AsyncGenerator<Buffer> {
  for (let position = start; position < start + size; ) {
    const piece = memory().subarray(0, start + size - position)
    if (readFully(fd, piece, position) < piece.length) throw new RangeError('the archive has become shorter')
    position += piece.length
    onPiece(piece)
    yield piece
  }
}
