/** Writes .zip files byte by byte, also such as no honest program makes. Fields as in PKWARE's APPNOTE.TXT, 4.3. */
import { crc32, deflateRawSync } from 'node:zlib'

export interface RawEntry {
  readonly name: string | Buffer
  readonly content?: string | Buffer
  readonly isDeflated?: boolean
  /** What the headers say, where that is not the truth. */
  readonly method?: number
  readonly flags?: number
  readonly size?: number
  readonly compressedSize?: number
  readonly crc32?: number
  readonly mode?: number
  /** In the local header only. */
  readonly localName?: string
  /** Where the central directory says that it lies; by default where it does. */
  readonly offset?: number
}

export interface RawZipOptions {
  /** What the end record says. */
  readonly entryCount?: number
  readonly directoryOffset?: number
}

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
    const head = Buffer.concat([localHeader(entry, content, packed), Buffer.from(entry.localName ?? name)])
    central.push(centralHeader(entry, content, packed, entry.offset ?? offset), name)
    local.push(head, packed)
    offset += head.length + packed.length
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(options.entryCount ?? entries.length, 8)
  end.writeUInt16LE(options.entryCount ?? entries.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(options.directoryOffset ?? offset, 16)
  return Buffer.concat([...local, directory, end])
}

function localHeader(entry: RawEntry, content: Buffer, packed: Buffer): Buffer {
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(20, 4)
  writeCommon(header, 6, entry, content, packed)
  header.writeUInt16LE(Buffer.byteLength(entry.localName ?? entry.name), 26)
  return header
}

function centralHeader(entry: RawEntry, content: Buffer, packed: Buffer, offset: number): Buffer {
  const header = Buffer.alloc(46)
  header.writeUInt32LE(0x02014b50, 0)
  header.writeUInt16LE((3 << 8) | 20, 4)
  header.writeUInt16LE(20, 6)
  writeCommon(header, 8, entry, content, packed)
  header.writeUInt16LE(Buffer.byteLength(entry.name), 28)
  header.writeUInt32LE(((entry.mode ?? REGULAR_FILE) << 16) >>> 0, 38)
  header.writeUInt32LE(offset, 42)
  return header
}

/** Flags, method, time, CRC-32 and sizes stand in both headers in the same order. */
function writeCommon(header: Buffer, at: number, entry: RawEntry, content: Buffer, packed: Buffer): void {
  header.writeUInt16LE(entry.flags ?? UTF8, at)
  header.writeUInt16LE(entry.method ?? (entry.isDeflated ? 8 : 0), at + 2)
  header.writeUInt32LE(0x5a210000, at + 4)
  header.writeUInt32LE(entry.crc32 ?? crc32(content), at + 8)
  header.writeUInt32LE(entry.compressedSize ?? packed.length, at + 12)
  header.writeUInt32LE(entry.size ?? content.length, at + 16)
}

/** Files by name, honestly. */
export function zipOf(files: Readonly<Record<string, string | Buffer>>): Buffer {
  return rawZip(Object.entries(files).map(([name, content]) => ({ name, content })))
}
