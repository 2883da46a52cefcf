/** The body of a thread that deflates: it tries files out by samples, and deflates segments of them, many at a time for one file. */
import fs from 'node:fs'
import { constants, crc32, deflateRawSync } from 'node:zlib'
import { openInside } from '../files/safe-path.ts'

export interface SamplingJob {
  /** Real path of the repository. */
  readonly root: string
  readonly files: readonly { readonly path: string; readonly size: number }[]
}

/** How many bytes of a file were tried, and how many they have become; undefined when it cannot be read. */
export type Sampled = { readonly bytes: number; readonly deflatedBytes: number } | undefined

export interface SegmentJob {
  readonly root: string
  readonly path: string
  readonly start: number
  readonly length: number
  /** Behind it there is nothing more of the file. */
  readonly isLast: boolean
}

/** A segment goes on where the one before it ends: one behind the other they are one raw deflate stream. */
export interface Segment {
  readonly deflated: Uint8Array
  /** Of the segment before it was deflated. */
  readonly crc32: number
}

const SAMPLES = 8
const SAMPLE_BYTES = 32 * 1024

/** It decides and is thrown away: the fastest level tells as much. */
const SAMPLE_LEVEL = 1

/** zlib's own default, and that of zip. */
const LEVEL = 6

/** How far back deflate refers. */
const WINDOW_BYTES = 32 * 1024

/** In several places, since the head of a container says little of what it holds. */
export function sampleFiles({ root, files }: SamplingJob): Sampled[] {
  return files.map(({ path, size }) => {
    try {
      return sample(root, path, size)
    } catch (error) {
      return undefinedForSystemErrors(error)
    }
  })
}

function sample(root: string, path: string, size: number): Sampled {
  const { fd } = openInside(root, path)
  try {
    const step = (size - SAMPLE_BYTES) / (SAMPLES - 1)
    const parts = Array.from({ length: SAMPLES }, (_, index) => read(fd, Math.floor(index * step), SAMPLE_BYTES))
    const sizes = parts.map((part) => deflateRawSync(part, { level: SAMPLE_LEVEL }).length)
    return { bytes: SAMPLES * SAMPLE_BYTES, deflatedBytes: sizes.reduce((sum, bytes) => sum + bytes, 0) }
  } finally {
    fs.closeSync(fd)
  }
}

/** @returns undefined when the file cannot be read, or ends too early */
export function deflateSegment({ root, path, start, length, isLast }: SegmentJob): Segment | undefined {
  try {
    const { fd } = openInside(root, path)
    try {
      const history = Math.min(start, WINDOW_BYTES)
      const bytes = read(fd, start - history, history + length)
      const segment = bytes.subarray(history)
      const deflated = deflateRawSync(segment, {
        level: LEVEL,
        // One piece, and no copies of pieces.
        chunkSize: length + 64 * 1024,
        finishFlush: isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
        ...(history > 0 && { dictionary: bytes.subarray(0, history) })
      })
      return { deflated, crc32: crc32(segment) }
    } finally {
      fs.closeSync(fd)
    }
  } catch (error) {
    return undefinedForSystemErrors(error)
  }
}

/** @throws an error of the system also when the file ends before */
function read(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length)
  for (let filled = 0; filled < length; ) {
    const count = fs.readSync(fd, bytes, filled, length - filled, position + filled)
    if (count === 0) throw Object.assign(new Error('The file ends too early'), { code: 'EIO' })
    filled += count
  }
  return bytes
}

function undefinedForSystemErrors(error: unknown): undefined {
  const { code, name } = error as NodeJS.ErrnoException
  if (name !== 'UnsafePathError' && !/^E[A-Z]+$/.test(code ?? '')) throw error
  return undefined
}
