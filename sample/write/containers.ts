/** The containers of firmware images. The usual tools can open all of them. */
import { crc32 } from 'node:zlib'
import {
  centralHeaderSize,
  type EntryFacts,
  encodeCentralHeader,
  encodeEnd,
  encodeLocalHeader,
  endSize,
  localHeaderSize
} from '../../src/zip/layout.ts'
import { type Content, checksumContent, contentOf, joinContents } from './content.ts'

/** A file inside a container. */
export interface Entry {
  readonly name: string
  readonly content: Content
}

/**
 * A ZIP of stored entries. A `stub` before it makes it self-extracting: its offsets count from the start of the file.
 */
export function zipOf(entries: readonly Entry[], modifiedAt: number, stub: Content = contentOf('')): Content {
  // No size depends on a checksum: the bytes are not generated before they are read.
  const blank = entries.map(({ name, content }) => ({ path: name, size: content.size, crc32: 0, modifiedAt }))
  const offsets: number[] = []
  let position = stub.size
  for (const facts of blank) {
    offsets.push(position)
    position += localHeaderSize(facts) + facts.size
  }
  const directorySize = blank.reduce((sum, facts, i) => sum + centralHeaderSize(facts, offsets[i] ?? 0), 0)
  const directory = { entryCount: entries.length, offset: position, size: directorySize }
  return {
    size: position + directorySize + endSize(directory),
    *chunks() {
      yield* stub.chunks()
      const written: EntryFacts[] = []
      for (const { name, content } of entries) {
        const facts = { path: name, size: content.size, crc32: checksumContent(content), modifiedAt }
        written.push(facts)
        yield encodeLocalHeader(facts)
        yield* content.chunks()
      }
      for (const [i, facts] of written.entries()) yield encodeCentralHeader(facts, offsets[i] ?? 0)
      yield encodeEnd(directory)
    }
  }
}

const TAR_BLOCK = 512
const BLOCK = 0xffff
const BLOCK_HEADER = 5
const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])

/** A tar in gzip whose blocks are stored: its content is incompressible, and storing is as fast as copying. */
export function tarGzipOf(entries: readonly Entry[], modifiedAt: number): Content {
  const end = contentOf(Buffer.alloc(2 * TAR_BLOCK))
  const tar = joinContents(...entries.flatMap((entry) => tarEntry(entry, modifiedAt)), end)
  return {
    size: GZIP_HEADER.length + tar.size + BLOCK_HEADER * Math.ceil(tar.size / BLOCK) + 8,
    *chunks() {
      yield GZIP_HEADER
      let position = 0
      let crc = 0
      for (const chunk of tar.chunks()) {
        crc = crc32(chunk, crc)
        yield withBlockHeaders(chunk, position, tar.size)
        position += chunk.length
      }
      const trailer = Buffer.alloc(8)
      trailer.writeUInt32LE(crc, 0)
      trailer.writeUInt32LE(tar.size % 2 ** 32, 4)
      yield trailer
    }
  }
}

/**
 * RFC 1951, 3.2.4: a stored block is a byte with the final bit, the length, its complement, and the bytes.
 */
function withBlockHeaders(chunk: Buffer, position: number, total: number): Buffer {
  const first = Math.ceil(position / BLOCK)
  const last = Math.ceil((position + chunk.length) / BLOCK)
  const output = Buffer.allocUnsafe(chunk.length + BLOCK_HEADER * (last - first))
  let [from, to] = [0, 0]
  while (from < chunk.length) {
    const used = (position + from) % BLOCK
    if (used === 0) {
      const left = total - position - from
      const length = Math.min(left, BLOCK)
      output.writeUInt8(left <= BLOCK ? 1 : 0, to)
      output.writeUInt16LE(length, to + 1)
      output.writeUInt16LE(length ^ BLOCK, to + 3)
      to += BLOCK_HEADER
    }
    const copied = chunk.copy(output, to, from, Math.min(chunk.length, from + BLOCK - used))
    from += copied
    to += copied
  }
  return output
}

function tarEntry({ name, content }: Entry, modifiedAt: number): Content[] {
  const padding = Buffer.alloc((TAR_BLOCK - (content.size % TAR_BLOCK)) % TAR_BLOCK)
  return [contentOf(tarHeader(name, content.size, modifiedAt)), content, contentOf(padding)]
}

/** POSIX ustar; no name here needs more than its 100 bytes. */
function tarHeader(name: string, size: number, modifiedAt: number): Buffer {
  const header = Buffer.alloc(TAR_BLOCK)
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`
  header.write(name.slice(0, 100), 0)
  header.write(octal(0o644, 7) + octal(0, 7) + octal(0, 7) + octal(size, 11) + octal(modifiedAt, 11), 100)
  header.write(' '.repeat(8), 148)
  header.write('0', 156)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}
