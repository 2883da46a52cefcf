/** Reads files of the disk: their bytes, and their digests. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { OpenFile } from '../../core/storage/open-file.ts'
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
 * Computes the digests of a whole file. Synchronous: for a separate thread.
 * @param onFile is called with the open file after its digests are computed, to read more of it
 * @throws UnsafePathError, or the system's error
 */
export function digestFile(root: string, path: string, onFile?: (fd: number, size: number) => void): FileDigests {
  const { fd, stat } = openInside(root, path)
  try {
    const digests = digestDescriptor(fd)
    onFile?.(fd, Number(stat.size))
    // A change while the file was read makes this stamp differ from the one of the walk.
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

/** The content of an open file that is known to be small; shorter than `size` if the file ends before. */
export function readWhole(fd: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  return bytes.subarray(0, readFully(fd, bytes, 0))
}

/**
 * Fills the buffer. One call of the system may read fewer bytes than requested, above all on network file systems.
 * @returns bytes that were read: fewer than the buffer has only at the end of the file
 */
export function readFully(fd: number, target: Buffer, position: number): number {
  let done = 0
  for (let more = 1; more > 0 && done < target.length; done += more) {
    more = fs.readSync(fd, target, done, target.length - done, position + done)
  }
  return done
}

/** An open file with its facts, for asynchronous reading; closing it closes the handle. */
export function openFileOf(handle: FileHandle, facts: Omit<OpenFile, 'readInto' | 'close'>): OpenFile {
  return {
    ...facts,
    async readInto(buffer, position) {
      return (await handle.read(buffer, 0, buffer.length, position)).bytesRead
    },
    close: () => handle.close()
  }
}
