/** Reads a repository file once: its digests, and its bytes where they are wanted. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { crc32 } from 'node:zlib'
import { openInside } from './safe-path.ts'
import { stampOf } from './walk-repository.ts'

export interface FileDigests {
  /** The stamp of the file after it was read. */
  readonly stamp: string
  /** Unsigned. */
  readonly crc32: number
  /** Lower-case hex. */
  readonly sha256: string
}

const CHUNK_BYTES = 1024 * 1024

/**
 * Digests of a whole file, read piece by piece. Synchronous, for a thread of its own.
 * @param onFile is given the open file's descriptor and size after the digests are made, to read more of it
 * @throws UnsafePathError, or the system's error
 */
export function digestFile(root: string, path: string, onFile?: (fd: number, size: number) => void): FileDigests {
  const { fd, stat } = openInside(root, path)
  try {
    const digests = digestDescriptor(fd)
    onFile?.(fd, Number(stat.size))
    // The stamp from after the reading: a change in between shows in it, as the walk saw another.
    return { ...digests, stamp: stampOf(fs.fstatSync(fd, { bigint: true })) }
  } finally {
    fs.closeSync(fd)
  }
}

const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)

function digestDescriptor(fd: number): { crc32: number; sha256: string } {
  const sha256 = createHash('sha256')
  let crc = 0
  let position = 0
  for (;;) {
    const length = fs.readSync(fd, chunk, 0, CHUNK_BYTES, position)
    if (length === 0) return { crc32: crc, sha256: sha256.digest('hex') }
    const part = chunk.subarray(0, length)
    crc = crc32(part, crc)
    sha256.update(part)
    position += length
  }
}

/** The whole content of an open file that is known to be small. */
export function readWhole(fd: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  let filled = 0
  while (filled < size) {
    const length = fs.readSync(fd, bytes, filled, size - filled, filled)
    if (length === 0) break
    filled += length
  }
  return bytes.subarray(0, filled)
}
