/** Writes what comes to a new file, and makes its digests on the way. */
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

/** With smaller writes most of the time goes into calls of the system. */
export const WRITE_BYTES = 1024 * 1024

/**
 * So much is written before the disk is told to begin: who waits for all of it at the end waits less. More often holds
 * the writing up.
 */
const SYNC_BYTES = 256 * WRITE_BYTES

/**
 * The file is not on the disk to stay yet: see `syncFile`. A file that is there already is an error.
 * @param content of pieces of a megabyte, of which nobody else writes to one before the second one behind it has been
 * asked for; or of smaller ones too, of which nobody does before three megabytes behind it have been taken
 * @param modifiedAt whole seconds since 1970 UTC; without it now
 * @throws the system's error, or what the content throws; then what was written is there
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

  /** While the system writes the pieces, their digests are made: they are not copied for either. */
  async function flush(): Promise<void> {
    const written = pieces
    await writing
    writing = writeAll(handle, written, size)
    // Whoever waits for it next gets the error.
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

/** As a date: Node takes a number below zero for the present. */
async function setTime(handle: fs.FileHandle, seconds: number): Promise<void> {
  const time = new Date(seconds * 1000)
  await handle.utimes(time, time)
}

async function writeAll(handle: fs.FileHandle, pieces: readonly Buffer[], position: number): Promise<void> {
  const { bytesWritten } = await handle.writev(pieces, position)
  // The disk is full, or nearly: what is left is tried alone, and fails with the reason.
  const left = Buffer.concat(bytesWritten < sizeOf(pieces) ? pieces : []).subarray(bytesWritten)
  for (let done = 0; done < left.length; ) {
    done += (await handle.write(left, done, left.length - done, position + bytesWritten + done)).bytesWritten
  }
}

function sizeOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0)
}

/** Resolves when what was written to the file is on the disk to stay. */
export async function syncFile(path: string): Promise<void> {
  const handle = await fs.open(path, 'r')
  try {
    await handle.datasync()
  } finally {
    await handle.close()
  }
}
