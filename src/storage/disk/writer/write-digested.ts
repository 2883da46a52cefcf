/** Writes a stream to a new file, and computes its digests meanwhile. */
import { createHash } from 'node:crypto'
import { promises as fs } from 'node:fs'
import { crc32 } from 'node:zlib'

export interface WrittenFile {
  readonly size: number
  /** Unsigned. */
  readonly crc32: number
  /** Lower-case hex. */
  readonly sha256: string
}

/** Smaller writes would spend most of the time in system calls. */
export const WRITE_BYTES = 1024 * 1024

/**
 * Bytes after which a sync is started in the background, so that the sync at the end is shorter. More frequent syncs
 * slow the writes down.
 */
const SYNC_BYTES = 256 * WRITE_BYTES

/**
 * The file is not durable yet: see `syncFile`. An existing file is an error.
 * @param content pieces of a megabyte: the producer may reuse the memory of a piece once the second piece after it is
 * requested. Or pieces of any size: it may reuse the memory of a piece once three megabytes after it are consumed
 * @param modifiedAt whole seconds since 1970 UTC; by default the current time
 * @throws the system's error, or an error of the content; then the bytes written so far remain
 */
export async function writeDigested(
  path: string,
  content: AsyncIterable<Buffer>,
  modifiedAt?: number
): Promise<WrittenFile> {
  const handle = await fs.open(path, 'wx', 0o640)
  const sha256 = createHash('sha256')
  let crc = 0
  let size = 0
  let syncAt = SYNC_BYTES
  let pieces: Buffer[] = []
  let waiting = 0
  let writing: Promise<unknown> = Promise.resolve()

  /** The digests are computed while the system writes the pieces; neither copies them. */
  async function flush(): Promise<void> {
    const written = pieces
    await writing
    writing = writeAll(handle, written, size)
    // The next flush, or the end, gets the error.
    writing.catch(() => {})
    size += waiting
    pieces = []
    waiting = 0
    for (const piece of written) {
      sha256.update(piece)
      crc = crc32(piece, crc)
    }
    if (size < syncAt) return
    syncAt += SYNC_BYTES
    handle.datasync().catch(() => {})
  }

  try {
    for await (const piece of content) {
      pieces.push(piece)
      waiting += piece.length
      if (waiting >= WRITE_BYTES) await flush()
    }
    if (waiting > 0) await flush()
    await writing
    if (modifiedAt !== undefined) await setTime(handle, modifiedAt)
    return { size, crc32: crc, sha256: sha256.digest('hex') }
  } finally {
    await writing.catch(() => {})
    await handle.close()
  }
}

/** As a date: Node takes a negative number for the current time. */
async function setTime(handle: fs.FileHandle, seconds: number): Promise<void> {
  const time = new Date(seconds * 1000)
  await handle.utimes(time, time)
}

async function writeAll(handle: fs.FileHandle, pieces: readonly Buffer[], position: number): Promise<void> {
  const { bytesWritten } = await handle.writev(pieces, position)
  // The disk is (nearly) full: the rest is written separately, and fails with the reason.
  const left = Buffer.concat(bytesWritten < sizeOf(pieces) ? pieces : []).subarray(bytesWritten)
  for (let done = 0; done < left.length; ) {
    done += (await handle.write(left, done, left.length - done, position + bytesWritten + done)).bytesWritten
  }
}

function sizeOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0)
}
