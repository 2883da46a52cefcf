/** The body of a thread that deflates: it tries files out by samples, and deflates segments of them, many at a time for one file. */
import fs from 'node:fs'
import { constants, crc32, deflateRawSync } from 'node:zlib'
import { move, transferableSymbol, valueSymbol } from 'piscina'
import { openInside } from '../files/safe-path.ts'

export interface SamplingJob {
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

/**
 * A quarter to a third less time than level 6, the default of zlib and zip. Raw images of EDK II become as small within 0.1 %, those
 * of U-Boot stay 1 to 2 % larger.
 */
const LEVEL = 4

/** A larger hash table than zlib's default of 8: an eighth to a fifth faster, for at most 0.5 % more bytes. */
const MEMORY_LEVEL = 9

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
    const part = Buffer.allocUnsafeSlow(SAMPLE_BYTES)
    const sizes = samplePositions(size).map((position) => {
      fill(part, fd, position)
      return deflateSample(part)
    })
    return sampledOf(sizes)
  } finally {
    fs.closeSync(fd)
  }
}

function samplePositions(size: number): number[] {
  const step = (size - SAMPLE_BYTES) / (SAMPLES - 1)
  return Array.from({ length: SAMPLES }, (_, index) => Math.floor(index * step))
}

function deflateSample(part: Buffer): number {
  return deflateRawSync(part, { level: SAMPLE_LEVEL }).length
}

function sampledOf(sizes: readonly number[]): Sampled {
  return { bytes: SAMPLES * SAMPLE_BYTES, deflatedBytes: sizes.reduce((sum, bytes) => sum + bytes, 0) }
}

/** For one segment after the other: memory that is new each time costs a tenth of the speed. */
let input = Buffer.alloc(0)

/** @returns undefined when the file cannot be read, or ends too early */
export function deflateSegment(job: SegmentJob): Segment | undefined {
  const { root, path, start, length } = job
  const history = Math.min(start, WINDOW_BYTES)
  try {
    const { fd } = openInside(root, path)
    try {
      if (input.length < history + length) input = Buffer.allocUnsafeSlow(WINDOW_BYTES + length)
      const bytes = input.subarray(0, history + length)
      fill(bytes, fd, start - history)
      return deflateBytes(bytes, history, job)
    } finally {
      fs.closeSync(fd)
    }
  } catch (error) {
    return undefinedForSystemErrors(error)
  }
}

/** @param history how many of the bytes stand before the segment */
function deflateBytes(bytes: Buffer, history: number, { length, isLast }: SegmentJob): Segment {
  const segment = bytes.subarray(history)
  const deflated = deflateRawSync(segment, {
    level: LEVEL,
    memLevel: MEMORY_LEVEL,
    // One piece, and no copies of pieces.
    chunkSize: length + 64 * 1024,
    finishFlush: isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
    ...(history > 0 && { dictionary: bytes.subarray(0, history) })
  })
  return { deflated, crc32: crc32(segment) }
}

/** The same for another thread, without a copy: the memory becomes the receiver's. */
export async function sendSegment(job: SegmentJob): Promise<Segment | undefined> {
  const segment = deflateSegment(job)
  return segment && handOver(segment)
}

function handOver(segment: Segment): Segment {
  // It comes out at the other side as what it was; piscina's type says what is sent on the way.
  return move({
    get [valueSymbol]() {
      return segment
    },
    get [transferableSymbol]() {
      return segment.deflated.buffer
    }
  }) as unknown as Segment
}

/** @throws an error of the system also when the file ends before */
function fill(bytes: Buffer, fd: number, position: number): void {
  for (let filled = 0; filled < bytes.length; ) {
    const count = fs.readSync(fd, bytes, filled, bytes.length - filled, position + filled)
    if (count === 0) throw Object.assign(new Error('The file ends too early'), { code: 'EIO' })
    filled += count
  }
}

/** What the storage cannot give now is tried again by the next scan. */
function undefinedForSystemErrors(error: unknown): undefined {
  const { code, name } = error as NodeJS.ErrnoException
  if (name !== 'UnsafePathError' && !/^E[A-Z]+$/.test(code ?? '')) throw error
  return undefined
}
