/** Unpacks a .zip whose list of files has been checked; here it shows whether the list has told the truth. */
import fs from 'node:fs'
import path from 'node:path'
import { pipeline, Readable } from 'node:stream'
import { createInflateRaw } from 'node:zlib'
import { readFully } from './read-fully.ts'
import { resolveInside } from './safe-path.ts'
import { WRITE_BYTES, type WrittenFile, writeDigested } from './write-digested.ts'
import { refuseEntry, type ZipDirectory, type ZipEntry } from './zip-directory.ts'

/** A file that was unpacked. */
export interface UnpackedFile extends WrittenFile {
  readonly name: string
}

const INFLATE_BYTES = 256 * 1024
const LOCAL_HEADER_SIZE = 30
const LOCAL_SIGNATURE = 0x04034b50

/**
 * @param fd of the archive
 * @param directory where its files go; nothing else is there
 * @param onFile is awaited after each file; what it throws ends the unpacking
 * @throws ZipRefused as soon as something comes out that is not what the list says, or the system's error; then some files
 * are there already
 */
export async function unpackZip(
  fd: number,
  { entries, end }: ZipDirectory,
  directory: string,
  onFile: (file: UnpackedFile) => Promise<void>
): Promise<void> {
  const made = new Set<string>()
  for (const [index, entry] of entries.entries()) {
    const start = contentStart(fd, entry, entries[index + 1]?.offset ?? end)
    const target = resolveInside(directory, entry.name)
    const parent = path.dirname(target)
    if (!made.has(parent)) fs.mkdirSync(parent, { recursive: true })
    made.add(parent)
    const written = await writeDigested(target, checked(entry, contentOf(fd, entry, start)), entry.modifiedAt)
    if (written.size !== entry.size)
      refuseEntry(entry.name, `has ${written.size} bytes, and ${entry.size} are recorded`)
    if (written.crc32 !== entry.crc32) refuseEntry(entry.name, 'has another CRC-32 than is recorded')
    await onFile({ name: entry.name, ...written })
  }
}

/** @param limit where the next part of the archive begins */
function contentStart(fd: number, { name, offset, rawName, compressedSize }: ZipEntry, limit: number): number {
  const header = Buffer.alloc(LOCAL_HEADER_SIZE + rawName.length)
  const length = readFully(fd, header, offset)
  const isHeader =
    length === header.length &&
    header.readUInt32LE(0) === LOCAL_SIGNATURE &&
    header.readUInt16LE(26) === rawName.length &&
    header.subarray(LOCAL_HEADER_SIZE).equals(rawName)
  if (!isHeader) refuseEntry(name, 'has another name where its content is')
  const start = offset + header.length + header.readUInt16LE(28)
  if (start + compressedSize > limit) refuseEntry(name, 'overlaps with another part of the archive')
  return start
}

async function* contentOf(fd: number, entry: ZipEntry, start: number): AsyncGenerator<Buffer> {
  const { compressedSize } = entry
  if (!entry.isDeflated) {
    // One is read while the other one is being written.
    const buffers = [0, 1].map(() => Buffer.allocUnsafe(Math.min(compressedSize, WRITE_BYTES)))
    let turn = 0
    yield* readRange(fd, start, compressedSize, () => {
      turn = 1 - turn
      return buffers[turn] as Buffer
    })
    return
  }
  // Streams read ahead: each piece needs memory of its own.
  const deflated = readRange(fd, start, compressedSize, () => Buffer.allocUnsafe(INFLATE_BYTES))
  const inflated = createInflateRaw({ chunkSize: INFLATE_BYTES })
  // What fails is told to whoever reads; also where nobody does any more, it must not end the process.
  inflated.on('error', () => {})
  pipeline(Readable.from(deflated), inflated, () => {})
  try {
    yield* inflated as AsyncIterable<Buffer>
  } catch (error) {
    // Codes of zlib: what comes in is not what deflate makes.
    if (!/^Z_/.test((error as NodeJS.ErrnoException).code ?? '')) throw error
    refuseEntry(entry.name, 'is damaged')
  }
}

async function* readRange(fd: number, start: number, size: number, memory: () => Buffer): AsyncGenerator<Buffer> {
  for (let position = start; position < start + size; ) {
    const piece = memory().subarray(0, start + size - position)
    if (readFully(fd, piece, position) < piece.length) throw new RangeError('the archive has become shorter')
    position += piece.length
    yield piece
  }
}

/** Not one byte more than is recorded is written: the record is what room was made for. */
async function* checked(entry: ZipEntry, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let size = 0
  for await (const chunk of content) {
    size += chunk.length
    if (size > entry.size) refuseEntry(entry.name, `has more than the ${entry.size} bytes that are recorded`)
    yield chunk
  }
}
