/** Reads a few small members out of a .zip of the repository, without unpacking it. */
import fs from 'node:fs'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import yauzl from 'yauzl'
import { openInside } from './safe-path.ts'

/** A central directory longer than this is not a package's. */
const MAX_ENTRIES = 20_000

/**
 * The members that `wanted` accepts by name.
 * @param maxBytes of all members together, as they record it; what would be more is left out, and never unpacked
 * @returns an empty map for what is not a readable .zip
 */
export async function readZipMembers(
  root: string,
  path: string,
  wanted: (name: string) => boolean,
  maxBytes: number
): Promise<Map<string, Buffer>> {
  const { fd, stat } = openInside(root, path)
  try {
    return await readMembers(fd, Number(stat.size), wanted, maxBytes)
  } catch {
    return new Map()
  } finally {
    fs.closeSync(fd)
  }
}

async function readMembers(
  fd: number,
  size: number,
  wanted: (name: string) => boolean,
  maxBytes: number
): Promise<Map<string, Buffer>> {
  const members = new Map<string, Buffer>()
  const reader = new BoundedReader(fd, size)
  const options = { lazyEntries: true, strictFileNames: true, autoClose: false }
  const zip = await yauzl.fromRandomAccessReaderPromise(reader, size, options)
  if (zip.entryCount > MAX_ENTRIES) return members
  let room = maxBytes
  for await (const entry of zip.eachEntry()) {
    const isTooLarge = entry.uncompressedSize > room || entry.compressedSize > maxBytes
    if (!wanted(entry.fileName) || entry.isEncrypted() || isTooLarge) continue
    room -= entry.uncompressedSize
    // yauzl ends the stream with an error when more bytes come out than the entry records.
    members.set(entry.fileName, await buffer(await zip.openReadStreamPromise(entry)))
  }
  return members
}

/** Refuses positions outside of the file: an archive can claim any, and yauzl asks the system for them. */
class BoundedReader extends yauzl.RandomAccessReader {
  readonly #fd: number
  readonly #size: number

  constructor(fd: number, size: number) {
    super()
    this.#fd = fd
    this.#size = size
  }

  override read(
    target: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void
  ): void {
    if (!this.#isInside(position, position + length)) {
      setImmediate(() => callback(new RangeError('outside of the file')))
      return
    }
    fs.read(this.#fd, target, offset, length, position, (error, bytesRead) => {
      callback(error ?? (bytesRead < length ? new RangeError('the file has become shorter') : null))
    })
  }

  /** Members are small: one read is enough. */
  override _readStreamForRange(start: number, end: number): Readable {
    const size = end - start
    const fd = this.#fd
    const inside = this.#isInside(start, end)
    return new Readable({
      read() {
        if (!inside) {
          this.destroy(new RangeError('outside of the file'))
          return
        }
        const bytes = Buffer.allocUnsafe(size)
        fs.read(fd, bytes, 0, size, start, (error, bytesRead) => {
          if (error !== null) this.destroy(error)
          else {
            this.push(bytes.subarray(0, bytesRead))
            this.push(null)
          }
        })
      }
    })
  }

  #isInside(start: number, end: number): boolean {
    return Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start <= end && end <= this.#size
  }
}
