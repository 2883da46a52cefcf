/**
 * The bytes of a ZIP archive that are not file content, as pure functions.
 *
 * An archive has one local header and the stored content for each entry, then the central directory, then the end
 * records. Sizes and CRC-32s are known beforehand: there are no data descriptors, and the size of every part is known
 * before the first byte is written. The source of every field is PKWARE APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.
 */
import { dosDateTime, timestampSize, writeTimestamp } from './entry-times.ts'

/** The facts about a file that its headers contain. */
export interface EntryFacts {
  /** Name inside the archive, with `/` between its parts. */
  readonly path: string
  /** Bytes of content. */
  readonly size: number
  /** CRC-32 of the content, unsigned. */
  readonly crc32: number
  /** Time of the last change, in whole seconds since 1970 UTC. */
  readonly modifiedAt: number
}

/** An entry with its location in the archive. */
export interface PlacedEntry extends EntryFacts {
  /** Number of the entry, from 0. */
  readonly position: number
  /** Where its local header begins in the archive. */
  readonly offset: number
}

/** The location of the central directory, and its length. */
export interface DirectoryFacts {
  readonly entryCount: number
  /** Offset of the first central header. */
  readonly offset: number
  /** Bytes of all central headers. */
  readonly size: number
}

const LOCAL_HEADER_SIZE = 30
const CENTRAL_HEADER_SIZE = 46
const END_SIZE = 22
const ZIP64_END_SIZE = 56
const ZIP64_LOCATOR_SIZE = 20

const MAX_UINT16 = 0xffff
const MAX_UINT32 = 0xffffffff

const VERSION_STORED = 10
const VERSION_ZIP64 = 45
/** Upper byte 3: the external attributes are Unix modes. */
const MADE_BY = (3 << 8) | VERSION_ZIP64
/** Bit 11: names are UTF-8. */
const FLAGS = 1 << 11
const METHOD_STORED = 0
/** A regular file with mode rw-r--r--, in the upper half, as in archives that are made on Unix. */
const EXTERNAL_ATTRIBUTES = (0o100644 << 16) >>> 0

/** Bytes of the local header of an entry, including extra fields and name. */
export function localHeaderSize(entry: EntryFacts): number {
  return LOCAL_HEADER_SIZE + Buffer.byteLength(entry.path) + timestampSize(entry.modifiedAt) + (isLarge(entry) ? 20 : 0)
}

/** Bytes of the central header of an entry. @param offset of its local header */
export function centralHeaderSize(entry: EntryFacts, offset: number): number {
  return (
    CENTRAL_HEADER_SIZE +
    Buffer.byteLength(entry.path) +
    timestampSize(entry.modifiedAt) +
    centralZip64Size(entry, offset)
  )
}

/** Bytes of the end records. */
export function endSize(directory: DirectoryFacts): number {
  return needsZip64End(directory) ? ZIP64_END_SIZE + ZIP64_LOCATOR_SIZE + END_SIZE : END_SIZE
}

/** The header before an entry's content. */
export function encodeLocalHeader(entry: EntryFacts): Buffer {
  const name = Buffer.from(entry.path)
  const buffer = Buffer.alloc(localHeaderSize(entry))
  const large = isLarge(entry)
  buffer.writeUInt32LE(0x04034b50, 0)
  buffer.writeUInt16LE(large ? VERSION_ZIP64 : VERSION_STORED, 4)
  writeCommonFields(buffer, 6, entry)
  buffer.writeUInt16LE(name.length, 26)
  buffer.writeUInt16LE(buffer.length - LOCAL_HEADER_SIZE - name.length, 28)
  name.copy(buffer, LOCAL_HEADER_SIZE)
  const end = writeTimestamp(buffer, LOCAL_HEADER_SIZE + name.length, entry.modifiedAt)
  if (large) {
    // APPNOTE 4.5.3: a local header must contain both sizes.
    writeZip64Extra(buffer, end, [entry.size, entry.size])
  }
  return buffer
}

/** The entry's header in the central directory. @param offset of its local header */
export function encodeCentralHeader(entry: EntryFacts, offset: number): Buffer {
  const name = Buffer.from(entry.path)
  const buffer = Buffer.alloc(centralHeaderSize(entry, offset))
  const zip64 = centralZip64Size(entry, offset) > 0
  buffer.writeUInt32LE(0x02014b50, 0)
  buffer.writeUInt16LE(MADE_BY, 4)
  buffer.writeUInt16LE(zip64 ? VERSION_ZIP64 : VERSION_STORED, 6)
  writeCommonFields(buffer, 8, entry)
  buffer.writeUInt16LE(name.length, 28)
  buffer.writeUInt16LE(buffer.length - CENTRAL_HEADER_SIZE - name.length, 30)
  buffer.writeUInt32LE(EXTERNAL_ATTRIBUTES, 38)
  buffer.writeUInt32LE(Math.min(offset, MAX_UINT32), 42)
  name.copy(buffer, CENTRAL_HEADER_SIZE)
  const end = writeTimestamp(buffer, CENTRAL_HEADER_SIZE + name.length, entry.modifiedAt)
  if (zip64) {
    writeZip64Extra(buffer, end, [
      ...(isLarge(entry) ? [entry.size, entry.size] : []),
      ...(offset >= MAX_UINT32 ? [offset] : [])
    ])
  }
  return buffer
}

/** The records after the central directory, including the ZIP64 ones when a number does not fit the plain record. */
export function encodeEnd(directory: DirectoryFacts): Buffer {
  const buffer = Buffer.alloc(endSize(directory))
  const end = buffer.length - END_SIZE
  if (end > 0) writeZip64End(buffer, directory)
  buffer.writeUInt32LE(0x06054b50, end)
  buffer.writeUInt16LE(Math.min(directory.entryCount, MAX_UINT16), end + 8)
  buffer.writeUInt16LE(Math.min(directory.entryCount, MAX_UINT16), end + 10)
  buffer.writeUInt32LE(Math.min(directory.size, MAX_UINT32), end + 12)
  buffer.writeUInt32LE(Math.min(directory.offset, MAX_UINT32), end + 16)
  return buffer
}

function writeZip64End(buffer: Buffer, directory: DirectoryFacts): void {
  buffer.writeUInt32LE(0x06064b50, 0)
  buffer.writeBigUInt64LE(BigInt(ZIP64_END_SIZE - 12), 4)
  buffer.writeUInt16LE(MADE_BY, 12)
  buffer.writeUInt16LE(VERSION_ZIP64, 14)
  buffer.writeBigUInt64LE(BigInt(directory.entryCount), 24)
  buffer.writeBigUInt64LE(BigInt(directory.entryCount), 32)
  buffer.writeBigUInt64LE(BigInt(directory.size), 40)
  buffer.writeBigUInt64LE(BigInt(directory.offset), 48)
  buffer.writeUInt32LE(0x07064b50, ZIP64_END_SIZE)
  buffer.writeBigUInt64LE(BigInt(directory.offset + directory.size), ZIP64_END_SIZE + 8)
  buffer.writeUInt32LE(1, ZIP64_END_SIZE + 16)
}

/** Flags, method, time, CRC and sizes: both headers contain these fields in this order. */
function writeCommonFields(buffer: Buffer, at: number, entry: EntryFacts): void {
  const { date, time } = dosDateTime(entry.modifiedAt)
  buffer.writeUInt16LE(FLAGS, at)
  buffer.writeUInt16LE(METHOD_STORED, at + 2)
  buffer.writeUInt16LE(time, at + 4)
  buffer.writeUInt16LE(date, at + 6)
  buffer.writeUInt32LE(entry.crc32, at + 8)
  // APPNOTE 4.5.3: the extra field contains the numbers whose own field is full.
  const size = Math.min(entry.size, MAX_UINT32)
  buffer.writeUInt32LE(size, at + 12)
  buffer.writeUInt32LE(size, at + 16)
}

function isLarge(entry: EntryFacts): boolean {
  return entry.size >= MAX_UINT32
}

function needsZip64End(directory: DirectoryFacts): boolean {
  return directory.entryCount >= MAX_UINT16 || directory.offset >= MAX_UINT32 || directory.size >= MAX_UINT32
}

function centralZip64Size(entry: EntryFacts, offset: number): number {
  const fields = (isLarge(entry) ? 2 : 0) + (offset >= MAX_UINT32 ? 1 : 0)
  return fields === 0 ? 0 : 4 + 8 * fields
}

function writeZip64Extra(buffer: Buffer, at: number, values: readonly number[]): void {
  buffer.writeUInt16LE(0x0001, at)
  buffer.writeUInt16LE(8 * values.length, at + 2)
  values.forEach((value, index) => {
    buffer.writeBigUInt64LE(BigInt(value), at + 4 + 8 * index)
  })
}
