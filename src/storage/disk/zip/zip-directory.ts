/**
 * The list of files of a .zip that has come from outside, checked before a byte of it is unpacked. Formats are those of
 * PKWARE's APPNOTE.TXT 6.3.10; what is looked for are the ways in which archives are known to attack whoever unpacks
 * them.
 */
import fs from 'node:fs'
import yauzl from 'yauzl'
import { foldName } from '../../../core/catalog/file-name.ts'
import { ZipRefused } from '../../../core/import/zip-refused.ts'
import { checkRelativePath, UnsafePathError } from '../../../core/storage/relative-path.ts'
import { readFully } from '../read-fully.ts'
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
  /** Of its local header. */
  readonly offset: number
  /** As its local header must have it. */
  readonly rawName: Buffer
}

export interface ZipDirectory {
  /** In the order in which they lie in the file. */
  readonly entries: readonly ZipEntry[]
  /** With the directories, and with what is ignored. */
  readonly entryCount: number
  /** Bytes of all files when they are unpacked. */
  readonly size: number
  /** Where the content of all files must have ended. */
  readonly end: number
}

/** What may be in an archive; more is refused. */
export interface ZipLimits {
  readonly maxEntries: number
  /** How many times larger than packed the content may be; counts from `freeBytes` on. */
  readonly maxRatio: number
  readonly freeBytes: number
}

/** An export has no more, and firmware is packed already: what shrinks more than that is made to fill the disk. */
export const ZIP_LIMITS: ZipLimits = { maxEntries: 200_000, maxRatio: 100, freeBytes: 64 * 1024 * 1024 }

const METHOD_STORED = 0
const METHOD_DEFLATED = 8
const LOCAL_HEADER_SIZE = 30
const CENTRAL_SIGNATURE = 0x02014b50
const MAX_PART_BYTES = 255
const MAX_PATH_BYTES = 1_024
const MAX_DEPTH = 32
/** The upper half of the attributes are the mode of a file in Unix, whose type is in these bits. */
const TYPE_MASK = 0o170000
const TYPE_FILE = 0o100000
const TYPE_DIRECTORY = 0o040000

/** What systems leave in archives that nobody means to send. */
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
  // Untyped as a number; it stands at the beginning of the directory until the first entry is read.
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

/**
 * A program that counts with 16 bits, and damage, make a count that is too low: then files would be missing that nobody
 * misses.
 */
function checkLast(fd: number, position: number): void {
  const signature = Buffer.alloc(4)
  readFully(fd, signature, position)
  if (signature.readUInt32LE(0) === CENTRAL_SIGNATURE) throw new Error('it has more entries than it says')
}

/** What yauzl throws are sentences about the format. */
async function damagedUnless<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw new ZipRefused(`it is no .zip, is damaged or was cut off: ${(error as Error).message}`, { cause: error })
  }
}

/** Undefined for a directory, and for what is ignored. */
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
 * Two files of one name; also on a file system that does not tell cases apart; and a file where another one has a
 * directory.
 */
function createNameCheck() {
  const files = new Set<string>()
  const directories = new Set<string>()
  return {
    add(name: string): void {
      const folded = foldName(name)
      if (files.has(folded)) refuseEntry(name, 'is there twice, or differs from another one in case only')
      if (directories.has(folded)) refuseEntry(name, 'is a file and a directory')
      files.add(folded)
      for (let end = folded.lastIndexOf('/'); end > 0; end = folded.lastIndexOf('/', end - 1)) {
        const parent = folded.slice(0, end)
        if (files.has(parent)) refuseEntry(name, 'lies in a directory that is a file')
        directories.add(parent)
      }
    }
  }
}

/** @param entries in their order in the file */
function refuseOverlaps(entries: readonly ZipEntry[], end: number): void {
  entries.forEach(({ name, offset, rawName, compressedSize }, index) => {
    const next = entries[index + 1]?.offset ?? end
    const least = offset + LOCAL_HEADER_SIZE + rawName.length + compressedSize
    if (least > next) refuseEntry(name, 'overlaps with another part of the archive')
  })
}

/** @returns the bytes of all of them */
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

/** In a form that a sentence can hold. */
export function refuseEntry(name: string, reason: string): never {
  const shown = JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name)
  throw new ZipRefused(`its entry ${shown} ${reason}`)
}
