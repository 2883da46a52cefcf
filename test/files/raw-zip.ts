/** .zip files byte by byte, so that every field can lie. */
import { crc32, deflateRawSync } from 'node:zlib'

export interface RawEntry {
  readonly name: string | Buffer
  readonly content?: string | Buffer
  readonly method?: 'stored' | 'deflated'
  /** General purpose bits; 1 stands for encryption. */
  readonly flags?: number
  /** What the headers say, when it is not the truth. */
  readonly recordedSize?: number
  readonly recordedOffset?: number
  /** Content of a ZIP64 extra field in the central header. */
  readonly zip64?: readonly bigint[]
}

export interface RawEnd {
  readonly entryCount?: number
  readonly directoryOffset?: number
  readonly comment?: string
  /** Adds ZIP64 end records with these figures. */
  readonly zip64?: { readonly entryCount?: bigint; readonly directoryOffset?: bigint; readonly endOffset?: bigint }
}

export function rawZip(entries: readonly RawEntry[], end: RawEnd = {}): Buffer {
  const locals: Buffer[] = []
  const centrals: Buffer[] = []
  let offset = 0
  for (const entry of entries) {
    const name = Buffer.from(entry.name)
    const content = Buffer.from(entry.content ?? '')
    const data = entry.method === 'stored' ? content : deflateRawSync(content)
    const extra = zip64Extra(entry.zip64 ?? [])
    const common = commonFields(entry, content, data, name)
    const local = Buffer.concat([uint32(0x04034b50), common, Buffer.alloc(2), name, data])
    const place = Buffer.alloc(16)
    place.writeUInt16LE(extra.length, 0)
    place.writeUInt32LE(entry.recordedOffset ?? offset, 12)
    centrals.push(Buffer.concat([uint32(0x02014b50), uint16(45), common, place, name, extra]))
    locals.push(local)
    offset += local.length
  }
  const directory = Buffer.concat(centrals)
  return Buffer.concat([...locals, directory, endRecords(entries.length, offset, directory.length, end)])
}

/** From "version needed" to the length of the name, as both headers have them. */
function commonFields(entry: RawEntry, content: Buffer, data: Buffer, name: Buffer): Buffer {
  const fields = Buffer.alloc(24)
  fields.writeUInt16LE(20, 0)
  fields.writeUInt16LE(0x800 | (entry.flags ?? 0), 2)
  fields.writeUInt16LE(entry.method === 'stored' ? 0 : 8, 4)
  fields.writeUInt32LE(crc32(content), 10)
  fields.writeUInt32LE(data.length, 14)
  fields.writeUInt32LE(entry.recordedSize ?? content.length, 18)
  fields.writeUInt16LE(name.length, 22)
  return fields
}

function zip64Extra(values: readonly bigint[]): Buffer {
  if (values.length === 0) return Buffer.alloc(0)
  return Buffer.concat([uint16(1), uint16(values.length * 8), ...values.map(uint64)])
}

function endRecords(count: number, offset: number, size: number, end: RawEnd): Buffer {
  const comment = Buffer.from(end.comment ?? '')
  const { zip64 } = end
  const plain = Buffer.alloc(22)
  plain.writeUInt32LE(0x06054b50, 0)
  plain.writeUInt16LE(end.entryCount ?? count, 8)
  plain.writeUInt16LE(end.entryCount ?? count, 10)
  plain.writeUInt32LE(size, 12)
  plain.writeUInt32LE(end.directoryOffset ?? offset, 16)
  plain.writeUInt16LE(comment.length, 20)
  if (zip64 === undefined) return Buffer.concat([plain, comment])
  const record = Buffer.alloc(56)
  record.writeUInt32LE(0x06064b50, 0)
  record.writeBigUInt64LE(44n, 4)
  record.writeBigUInt64LE(zip64.entryCount ?? BigInt(count), 24)
  record.writeBigUInt64LE(zip64.entryCount ?? BigInt(count), 32)
  record.writeBigUInt64LE(BigInt(size), 40)
  record.writeBigUInt64LE(zip64.directoryOffset ?? BigInt(offset), 48)
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(0x07064b50, 0)
  locator.writeBigUInt64LE(zip64.endOffset ?? BigInt(offset + size), 8)
  locator.writeUInt32LE(1, 16)
  return Buffer.concat([record, locator, plain, comment])
}

function uint16(value: number): Buffer {
  return Buffer.from([value & 0xff, value >> 8])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return bytes
}
