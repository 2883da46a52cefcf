/** Writes .zip files byte by byte, valid and malformed ones. Fields as in PKWARE's APPNOTE.TXT, 4.3. */
import { crc32, deflateRawSync } from 'node:zlib'

export interface RawEntry {
  readonly name: string | Buffer
  readonly content?: string | Buffer
  readonly isDeflated?: boolean
  /** Overrides of the true values in the headers. */
  readonly method?: number
  readonly flags?: number
  readonly size?: number
  readonly compressedSize?: number
  readonly crc32?: number
  readonly mode?: number
  /** In the local header only. */
  readonly localName?: string
  /** The offset in the central directory; the true one by default. */
  readonly offset?: number
  /** Content of a ZIP64 extra field in the central header. */
  readonly zip64?: readonly bigint[]
  /** Further extra fields in the central header and in the local one. */
  readonly extra?: Buffer
  readonly localExtra?: Buffer
  /** MS-DOS date and time; 2025-01-01 00:00:00 by default. */
  readonly modified?: number
}

export interface RawZipOptions {
  /** Overrides of the true values in the end record. */
  readonly entryCount?: number
  readonly directoryOffset?: number
  readonly comment?: string
  /** Adds ZIP64 end records, with overrides of their true values. */
  readonly zip64?: { readonly entryCount?: bigint; readonly directoryOffset?: bigint; readonly endOffset?: bigint }
}

const NOTHING = Buffer.alloc(0)
const UTF8 = 1 << 11
const REGULAR_FILE = 0o100644

export function rawZip(entries: readonly RawEntry[], options: RawZipOptions = {}): Buffer {
  const local: Buffer[] = []
  const central: Buffer[] = []
  let offset = 0
  for (const entry of entries) {
    const name = Buffer.from(entry.name)
    const content = Buffer.from(entry.content ?? '')
    const packed = entry.isDeflated ? deflateRawSync(content) : content
    const head = Buffer.concat([
      localHeader(entry, content, packed),
      Buffer.from(entry.localName ?? name),
      entry.localExtra ?? NOTHING
    ])
    central.push(centralHeader(entry, content, packed, entry.offset ?? offset), name, extraOf(entry))
    local.push(head, packed)
    offset += head.length + packed.length
  }
  return Buffer.concat([...local, ...endOf(Buffer.concat(central), offset, entries.length, options)])
}

/** The central directory and everything after it. */
function endOf(directory: Buffer, offset: number, count: number, options: RawZipOptions): Buffer[] {
  const { entryCount = count, directoryOffset = offset, zip64 } = options
  const comment = Buffer.from(options.comment ?? '')
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(entryCount, 8)
  end.writeUInt16LE(entryCount, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(directoryOffset, 16)
  end.writeUInt16LE(comment.length, 20)
  if (zip64 === undefined) return [directory, end, comment]
  const record = Buffer.alloc(56)
  record.writeUInt32LE(0x06064b50, 0)
  record.writeBigUInt64LE(44n, 4)
  record.writeBigUInt64LE(zip64.entryCount ?? BigInt(count), 24)
  record.writeBigUInt64LE(zip64.entryCount ?? BigInt(count), 32)
  record.writeBigUInt64LE(BigInt(directory.length), 40)
  record.writeBigUInt64LE(zip64.directoryOffset ?? BigInt(offset), 48)
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(0x07064b50, 0)
  locator.writeBigUInt64LE(zip64.endOffset ?? BigInt(offset + directory.length), 8)
  locator.writeUInt32LE(1, 16)
  return [directory, record, locator, end, comment]
}

export function extraField(id: number, data: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(id, 0)
  head.writeUInt16LE(data.length, 2)
  return Buffer.concat([head, data])
}

function extraOf({ zip64 = [], extra = NOTHING }: RawEntry): Buffer {
  if (zip64.length === 0) return extra
  const values = Buffer.alloc(8 * zip64.length)
  for (const [index, value] of zip64.entries()) values.writeBigUInt64LE(value, 8 * index)
  return Buffer.concat([extraField(1, values), extra])
}

function localHeader(entry: RawEntry, content: Buffer, packed: Buffer): Buffer {
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(20, 4)
  writeCommon(header, 6, entry, content, packed)
  header.writeUInt16LE(Buffer.byteLength(entry.localName ?? entry.name), 26)
  header.writeUInt16LE(entry.localExtra?.length ?? 0, 28)
  return header
}

function centralHeader(entry: RawEntry, content: Buffer, packed: Buffer, offset: number): Buffer {
  const header = Buffer.alloc(46)
  header.writeUInt32LE(0x02014b50, 0)
  header.writeUInt16LE((3 << 8) | 20, 4)
  header.writeUInt16LE(20, 6)
  writeCommon(header, 8, entry, content, packed)
  header.writeUInt16LE(Buffer.byteLength(entry.name), 28)
  header.writeUInt16LE(extraOf(entry).length, 30)
  header.writeUInt32LE(((entry.mode ?? REGULAR_FILE) << 16) >>> 0, 38)
  header.writeUInt32LE(offset, 42)
  return header
}

/** Flags, method, time, CRC-32 and sizes have the same order in both headers. */
function writeCommon(header: Buffer, at: number, entry: RawEntry, content: Buffer, packed: Buffer): void {
  header.writeUInt16LE(entry.flags ?? UTF8, at)
  header.writeUInt16LE(entry.method ?? (entry.isDeflated ? 8 : 0), at + 2)
  header.writeUInt32LE(entry.modified ?? 0x5a210000, at + 4)
  header.writeUInt32LE(entry.crc32 ?? crc32(content), at + 8)
  header.writeUInt32LE(entry.compressedSize ?? packed.length, at + 12)
  header.writeUInt32LE(entry.size ?? content.length, at + 16)
}

/** A valid archive of files by name. */
export function zipOf(files: Readonly<Record<string, string | Buffer>>): Buffer {
  return rawZip(Object.entries(files).map(([name, content]) => ({ name, content })))
}
