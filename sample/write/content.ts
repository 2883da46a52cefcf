/**
 * Generated content of files: the size is known at once, and each iteration generates the same bytes. A payload of a
 * gigabyte therefore takes a few megabytes of memory, and its CRC-32 is available before its first byte is written.
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

/** Content of existing bytes. */
export function contentOf(bytes: Buffer | string): Content {
  const buffer = Buffer.from(bytes)
  return { size: buffer.length, chunks: () => (buffer.length === 0 ? [] : [buffer]) }
}

/** Concatenated contents. */
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

/** Generates all bytes once to compute their CRC-32, and caches it. */
export function checksumContent(content: Content): number {
  let checksum = checksums.get(content)
  if (checksum === undefined) {
    checksum = 0
    for (const chunk of content.chunks()) checksum = crc32(chunk, checksum)
    checksums.set(content, checksum)
  }
  return checksum
}

/** Generates all bytes once to compute their SHA-256 and CRC-32, and caches them. */
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
