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
const SLAB_BYTES = 1024 * 1024

/**
 * The file is not on the disk to stay yet: see `syncFile`. A file that is there already is an error.
 * @param content each piece of it may be used again by its maker as soon as the next one is asked for
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
  let slab = takeSlab()
  let spare = takeSlab()
  let filled = 0
  let writing: Promise<unknown> = Promise.resolve()

  /** One slab is filled while the other one is being written. */
  async function flush(): Promise<void> {
    const part = slab.subarray(0, filled)
    sha256.update(part)
    crc = crc32(part, crc)
    await writing
    writing = writeAll(handle, part, size)
    // Whoever waits for it next gets the error.
    writing.catch(() => {})
    size += filled
    filled = 0
    ;[slab, spare] = [spare, slab]
  }

  try {
    for await (const chunk of content) {
      for (let taken = 0; taken < chunk.length; ) {
        const length = chunk.copy(slab, filled, taken)
        taken += length
        filled += length
        if (filled === SLAB_BYTES) await flush()
      }
    }
    if (filled > 0) await flush()
    await writing
    if (modifiedAt !== undefined) await handle.utimes(modifiedAt, modifiedAt)
    return { size, crc32: crc, sha256: sha256.digest('hex') }
  } finally {
    await writing.catch(() => {})
    idleSlabs.push(slab, spare)
    await handle.close()
  }
}

/** Slabs that nobody uses: no more than there were uploads at a time, and those are limited. */
const idleSlabs: Buffer[] = []

function takeSlab(): Buffer {
  return idleSlabs.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES)
}

async function writeAll(handle: fs.FileHandle, part: Buffer, position: number): Promise<void> {
  for (let written = 0; written < part.length; ) {
    written += (await handle.write(part, written, part.length - written, position + written)).bytesWritten
  }
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
