/**
 * Content of files as recipes: the size is known at once, the bytes are made when somebody walks over them, and made
 * again the same when somebody walks a second time. A payload of a gigabyte therefore takes a few megabytes of memory,
 * and its CRC-32 can be had before its first byte is written.
 */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

export interface Content {
  readonly size: number
  chunks(): Iterable<Buffer>
}

export interface Digest {
  readonly crc32: number
  /** Lower-case hex. */
  readonly sha256: string
}

/** Content that is there already. */
export function contentOf(bytes: Buffer | string): Content {
  const buffer = Buffer.from(bytes)
  return { size: buffer.length, chunks: () => (buffer.length === 0 ? [] : [buffer]) }
}

/** One content behind the other. */
export function joinContents(...parts: readonly Content[]): Content {
  return {
    size: parts.reduce((sum, part) => sum + part.size, 0),
    *chunks() {
      for (const part of parts) yield* part.chunks()
    }
  }
}

const checksums = new WeakMap<Content, number>()
const digests = new WeakMap<Content, Digest>()

/** Makes all bytes once to tell their CRC-32, and remembers the answer. */
export function checksumContent(content: Content): number {
  let checksum = checksums.get(content)
  if (checksum === undefined) {
    checksum = 0
    for (const chunk of content.chunks()) checksum = crc32(chunk, checksum)
    checksums.set(content, checksum)
  }
  return checksum
}

/** Makes all bytes once to tell their SHA-256 and CRC-32, and remembers the answer. */
export function digestContent(content: Content): Digest {
  let digest = digests.get(content)
  if (digest === undefined) {
    const sha256 = createHash('sha256')
    let checksum = 0
    for (const chunk of content.chunks()) {
      sha256.update(chunk)
      checksum = crc32(chunk, checksum)
    }
    digest = { crc32: checksum, sha256: sha256.digest('hex') }
    digests.set(content, digest)
    checksums.set(content, checksum)
  }
  return digest
}
