/**
 * The bytes of a ZIP archive that are not file content, as pure functions.
 *
 * An archive made here is: one local header and the stored content per entry, then the central directory, then the end
 * records. Sizes and CRC-32s are known beforehand, so there are no data descriptors, and the length of everything can
 * be told before a byte is written. Source of every field: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 to 4.5; of the
 * timestamp field: Info-ZIP's extrafld.txt, "Extended Timestamp".
 */

/** What has to be known of one file to place it in an archive. */
export interface EntryFacts {
  /** Name inside the archive, with `/` between its parts. */
  readonly name: string
  /** Bytes of content. */
  readonly size: number
  /** CRC-32 of the content, unsigned. */
  readonly crc32: number
  /** Time of the last change, in whole seconds since 1970 UTC. */
  readonly modifiedAt: number
}

/** Where the central directory lies, and what it lists. */
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
const TIMESTAMP_EXTRA_SIZE = 9

const MAX_UINT16 = 0xffff
const MAX_UINT32 = 0xffffffff
const MAX_INT32 = 0x7fffffff

const VERSION_STORED = 10
const VERSION_ZIP64 = 45
/** Upper byte 3: the external attributes are Unix modes. */
const MADE_BY = (3 << 8) | VERSION_ZIP64
/** Bit 11: names are UTF-8. */
const FLAGS = 1 << 11
const METHOD_STORED = 0
/** A regular file, rw-r--r--, in the upper half as Unix-made archives have it. */
const EXTERNAL_ATTRIBUTES = (0o100644 << 16) >>> 0

/** Bytes of the local header of an entry, extra fields and name included. */
export function localHeaderSize(entry: EntryFacts): number {
  return LOCAL_HEADER_SIZE + Buffer.byteLength(entry.name) + timestampSize(entry) + (isLarge(entry) ? 20 : 0)
}

/** Bytes of the central header of an entry whose local header lies at `offset`. */
export function centralHeaderSize(entry: EntryFacts, offset: number): number {
  return CENTRAL_HEADER_SIZE + Buffer.byteLength(entry.name) + timestampSize(entry) + centralZip64Size(entry, offset)
}

/** Bytes of the end records. */
export function endSize(directory: DirectoryFacts): number {
  return needsZip64End(directory) ? ZIP64_END_SIZE + ZIP64_LOCATOR_SIZE + END_SIZE : END_SIZE
}

/** The header that stands before an entry's content. */
export function encodeLocalHeader(entry: EntryFacts): Buffer {
  const name = Buffer.from(entry.name)
  const buffer = Buffer.alloc(localHeaderSize(entry))
  const large = isLarge(entry)
  buffer.writeUInt32LE(0x04034b50, 0)
  buffer.writeUInt16LE(large ? VERSION_ZIP64 : VERSION_STORED, 4)
  writeCommonFields(buffer, 6, entry)
  buffer.writeUInt16LE(name.length, 26)
  buffer.writeUInt16LE(buffer.length - LOCAL_HEADER_SIZE - name.length, 28)
  name.copy(buffer, LOCAL_HEADER_SIZE)
  const end = writeTimestamp(buffer, LOCAL_HEADER_SIZE + name.length, entry)
  if (large) {
    // APPNOTE 4.5.3: in a local header both sizes must be there.
    writeZip64Extra(buffer, end, [entry.size, entry.size])
  }
  return buffer
}

/** The entry's line in the central directory. */
export function encodeCentralHeader(entry: EntryFacts, offset: number): Buffer {
  const name = Buffer.from(entry.name)
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
  const end = writeTimestamp(buffer, CENTRAL_HEADER_SIZE + name.length, entry)
  if (zip64) {
    writeZip64Extra(buffer, end, [
      ...(isLarge(entry) ? [entry.size, entry.size] : []),
      ...(offset >= MAX_UINT32 ? [offset] : [])
    ])
  }
  return buffer
}

/** The records after the central directory; with ZIP64 ones where the plain record has no room for a figure. */
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

/** Flags, method, time, CRC and sizes: the same run of fields in both headers. */
function writeCommonFields(buffer: Buffer, at: number, entry: EntryFacts): void {
  const { date, time } = dosDateTime(entry.modifiedAt)
  buffer.writeUInt16LE(FLAGS, at)
  buffer.writeUInt16LE(METHOD_STORED, at + 2)
  buffer.writeUInt16LE(time, at + 4)
  buffer.writeUInt16LE(date, at + 6)
  buffer.writeUInt32LE(entry.crc32, at + 8)
  // APPNOTE 4.5.3: the extra field has those figures whose own field is full.
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

/**
 * The DOS fields have no time zone and steps of two seconds; with the exact UTC time beside them, whoever unpacks the
 * archive gets the right time anywhere, and packing what was unpacked gives the same bytes again. The field holds a
 * signed 32-bit number of seconds: outside of that the DOS fields have to do.
 */
function timestampSize(entry: EntryFacts): number {
  return entry.modifiedAt >= 0 && entry.modifiedAt <= MAX_INT32 ? TIMESTAMP_EXTRA_SIZE : 0
}

function writeTimestamp(buffer: Buffer, at: number, entry: EntryFacts): number {
  const size = timestampSize(entry)
  if (size === 0) return at
  buffer.writeUInt16LE(0x5455, at)
  buffer.writeUInt16LE(5, at + 2)
  buffer.writeUInt8(1, at + 4)
  buffer.writeInt32LE(entry.modifiedAt, at + 5)
  return at + size
}

function dosDateTime(seconds: number): { date: number; time: number } {
  const value = new Date(seconds * 1000)
  const year = value.getUTCFullYear()
  if (!(year >= 1980)) return { date: (1 << 5) | 1, time: 0 }
  if (year > 2107) return { date: (127 << 9) | (12 << 5) | 31, time: (23 << 11) | (59 << 5) | 29 }
  return {
    date: ((year - 1980) << 9) | ((value.getUTCMonth() + 1) << 5) | value.getUTCDate(),
    time: (value.getUTCHours() << 11) | (value.getUTCMinutes() << 5) | (value.getUTCSeconds() >> 1)
  }
}
