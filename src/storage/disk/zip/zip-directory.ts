/**
 * Reads the directory of a received .zip, and checks it for the known attacks on unpackers before any content is
 * unpacked. Formats are those of PKWARE's APPNOTE.TXT 6.3.10.
 */
import fs from 'node:fs'
import yauzl from 'yauzl'
import { foldName } from '../../../core/catalog/file-name.ts'
import { ZipRefused } from '../../../core/import/import.ts'
import { checkRelativePath, UnsafePathError } from '../../../core/storage/relative-path.ts'
import { readFully } from '../read-file.ts'
import { BoundedReader } from './zip-reader.ts'

/** A file in an archive. */
export interface ZipEntry {
  /** Checked, with `/`. */
  readonly name: string
  readonly size: number
  readonly compressedSize: number
  readonly crc32: number
  readonly isDeflated: boolean
  /** Whole seconds since 1970 UTC. */
  readonly modifiedAt: number
  /** Offset of the local header. */
  readonly offset: number
  /** The bytes of the name; the local header must have the same. */
  readonly rawName: Buffer
}

export interface ZipDirectory {
  /** In the order of their offsets. */
  readonly entries: readonly ZipEntry[]
  /** Including directories and ignored entries. */
  readonly entryCount: number
  /** Bytes of all files when they are unpacked. */
  readonly size: number
  /** Offset of the central directory: the content of all files ends before it. */
  readonly end: number
}

/** Limits of an archive; larger ones are refused. */
export interface ZipLimits {
  readonly maxEntries: number
  /** The largest ratio of unpacked to packed size; applies to sizes above `freeBytes`. */
  readonly maxRatio: number
  readonly freeBytes: number
}

/** No export has more entries. Firmware is compressed already: a higher ratio shows an attempt to fill the disk. */
export const ZIP_LIMITS: ZipLimits = { maxEntries: 200_000, maxRatio: 100, freeBytes: 64 * 1024 * 1024 }

const METHOD_STORED = 0
const METHOD_DEFLATED = 8
const LOCAL_HEADER_SIZE = 30
const CENTRAL_SIGNATURE = 0x02014b50
const MAX_PART_BYTES = 255
const MAX_PATH_BYTES = 1_024
const MAX_DEPTH = 32
/** The bits of the file type in a Unix mode, which is the upper half of the external attributes. */
const TYPE_MASK = 0o170000
const TYPE_FILE = 0o100000
const TYPE_DIRECTORY = 0o040000

/** Files that operating systems add to archives without the user's intent. */
const IGNORED = /(^|\/)(\.|__MACOSX\/|Thumbs\.db$|desktop\.ini$)/i

/**
 * @param fd of the archive, open for reading
 * @throws ZipRefused
 */
export async function readZipDirectory(fd: number, limits: ZipLimits = ZIP_LIMITS): Promise<ZipDirectory> {
  const { size: fileSize } = fs.fstatSync(fd)
  const zip = await damagedUnless(() =>
    yauzl.fromRandomAccessReaderPromise(new BoundedReader(fd, fileSize), fileSize, {
      autoClose: false,
      decodeStrings: false
    })
  )
  if (zip.entryCount > limits.maxEntries) {
    throw new ZipRefused(`it has ${zip.entryCount} entries, and at most ${limits.maxEntries} are accepted`)
  }
  // Its type is wrong: it is a number. Until the first entry is read, it is the offset of the directory.
  const end = Number(zip.readEntryCursor)
  const names = createNameCheck()
  const entries: ZipEntry[] = []
  const all = zip.eachEntry()
  for (let next = await damagedUnless(() => all.next()); !next.done; next = await damagedUnless(() => all.next())) {
    const entry = toEntry(next.value)
    if (entry !== undefined) {
      names.add(entry.name)
      entries.push(entry)
    }
  }
  await damagedUnless(async () => checkLast(fd, Number(zip.readEntryCursor)))
  entries.sort((left, right) => left.offset - right.offset)
  refuseOverlaps(entries, end)
  return { entries, entryCount: zip.entryCount, size: checkSizes(entries, limits), end }
}

/** A program that counts with 16 bits, or damage, records too low a count: files would be missing without an error. */
function checkLast(fd: number, position: number): void {
  const signature = Buffer.alloc(4)
  readFully(fd, signature, position)
  if (signature.readUInt32LE(0) === CENTRAL_SIGNATURE) throw new Error('it has more entries than it records')
}

/** The errors of yauzl are sentences about the format. */
async function damagedUnless<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw new ZipRefused(`it is no .zip, is damaged or was cut off: ${(error as Error).message}`, { cause: error })
  }
}

/** Undefined for directories and ignored files. */
function toEntry(raw: yauzl.Entry): ZipEntry | undefined {
  const given = yauzl.getFileNameLowLevel(raw.generalPurposeBitFlag, raw.fileNameRaw, raw.extraFields, true)
  const refuse = (reason: string) => refuseEntry(given, reason)
  const name = checkedName(given)
  const type = (raw.externalFileAttributes >>> 16) & TYPE_MASK
  if (type !== 0 && type !== TYPE_FILE && type !== TYPE_DIRECTORY) {
    return refuse('is a symbolic link or another special file')
  }
  if (given.endsWith('/') || type === TYPE_DIRECTORY) {
    return raw.uncompressedSize === 0 ? undefined : refuse('is a directory with content')
  }
  if (IGNORED.test(name)) return undefined
  if (raw.isEncrypted()) return refuse('is encrypted')
  const { compressionMethod: method, compressedSize, uncompressedSize: size } = raw
  if (method !== METHOD_STORED && method !== METHOD_DEFLATED) return refuse(`has the unknown method ${method}`)
  if (method === METHOD_STORED && compressedSize !== size) return refuse('is stored, and has two sizes')
  return {
    name,
    size,
    compressedSize,
    crc32: raw.crc32,
    isDeflated: method === METHOD_DEFLATED,
    modifiedAt: Math.floor(raw.getLastModDate({ timezone: 'UTC' }).getTime() / 1000) || 0,
    offset: raw.relativeOffsetOfLocalHeader,
    rawName: Buffer.from(raw.fileNameRaw)
  }
}

function checkedName(given: string): string {
  try {
    const name = checkRelativePath(given)
    const parts = name.split('/')
    const isTooLong = Buffer.byteLength(name) > MAX_PATH_BYTES || parts.length > MAX_DEPTH
    if (isTooLong || parts.some((part) => Buffer.byteLength(part) > MAX_PART_BYTES)) {
      return refuseEntry(given, 'has a name that is too long')
    }
    return name
  } catch (error) {
    if (!(error instanceof UnsafePathError)) throw error
    return refuseEntry(given, 'leads out of the archive, or has a name that is not safe')
  }
}

/**
 * Refuses two files whose names are equal or differ in case only, and a name that is a file for one entry and a
 * directory for another.
 */
function createNameCheck() {
  const files = new Set<string>()
  const directories = new Set<string>()
  return {
    add(name: string): void {
      const folded = foldName(name)
      if (files.has(folded)) refuseEntry(name, 'occurs twice, or differs from another one in case only')
      if (directories.has(folded)) refuseEntry(name, 'is a file and a directory')
      files.add(folded)
      for (let end = folded.lastIndexOf('/'); end > 0; end = folded.lastIndexOf('/', end - 1)) {
        const parent = folded.slice(0, end)
        if (files.has(parent)) refuseEntry(name, 'is in a directory that is a file')
        directories.add(parent)
      }
    }
  }
}

/** @param entries in the order of their offsets */
function refuseOverlaps(entries: readonly ZipEntry[], end: number): void {
  entries.forEach(({ name, offset, rawName, compressedSize }, index) => {
    const next = entries[index + 1]?.offset ?? end
    const least = offset + LOCAL_HEADER_SIZE + rawName.length + compressedSize
    if (least > next) refuseEntry(name, 'overlaps with another part of the archive')
  })
}

/** @returns the unpacked bytes of all entries */
function checkSizes(entries: readonly ZipEntry[], { maxRatio, freeBytes }: ZipLimits): number {
  let packed = 0
  let unpacked = 0
  for (const { name, size, compressedSize } of entries) {
    packed += compressedSize
    unpacked += size
    if (size > freeBytes && size > maxRatio * compressedSize) {
      refuseEntry(name, `would be more than ${maxRatio} times as large when it is unpacked`)
    }
  }
  if (unpacked > freeBytes && unpacked > maxRatio * packed) {
    throw new ZipRefused(`it would be more than ${maxRatio} times as large when it is unpacked`)
  }
  return unpacked
}

/** Quotes and shortens the name for the sentence. */
export function refuseEntry(name: string, reason: string): never {
  const shown = JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name)
  throw new ZipRefused(`its entry ${shown} ${reason}`)
}
