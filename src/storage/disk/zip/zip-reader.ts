/** Reads a .zip for yauzl: never beyond the end of the file, and not byte by byte. */
import { Readable } from 'node:stream'
import yauzl from 'yauzl'
import { readFully } from '../read-file.ts'

/** yauzl reads a central directory in small sequential pieces: most of them are in this window already. */
const WINDOW_BYTES = 256 * 1024

/** Refuses positions outside the file: an archive can record any position, and yauzl would read it. */
export class BoundedReader extends yauzl.RandomAccessReader {
  readonly #fd: number
  readonly #size: number
  readonly #window = Buffer.allocUnsafe(WINDOW_BYTES)
  #windowStart = 0
  #windowLength = 0

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
    let error: Error | null = null
    try {
      this.#readInto(target.subarray(offset, offset + length), position)
    } catch (thrown) {
      error = thrown as Error
    }
    setImmediate(() => callback(error))
  }

  /** Members are small: one read returns all of their bytes. */
  override _readStreamForRange(start: number, end: number): Readable {
    const reader = this
    return new Readable({
      read() {
        try {
          reader.#check(start, end)
          const bytes = Buffer.allocUnsafe(end - start)
          reader.#readInto(bytes, start)
          this.push(bytes)
          this.push(null)
        } catch (error) {
          this.destroy(error as Error)
        }
      }
    })
  }

  #readInto(target: Buffer, position: number): void {
    const end = position + target.length
    this.#check(position, end)
    if (target.length > WINDOW_BYTES) {
      if (readFully(this.#fd, target, position) < target.length) throw shorter()
      return
    }
    if (position < this.#windowStart || end > this.#windowStart + this.#windowLength) {
      // Empty if the read fails.
      this.#windowLength = 0
      this.#windowStart = position
      this.#windowLength = readFully(this.#fd, this.#window, position)
    }
    if (end > this.#windowStart + this.#windowLength) throw shorter()
    this.#window.copy(target, 0, position - this.#windowStart, end - this.#windowStart)
  }

  #check(start: number, end: number): void {
    const isInside =
      Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start <= end && end <= this.#size
    if (!isInside) throw new RangeError('it points outside of the file')
  }
}

function shorter(): RangeError {
  return new RangeError('the file has become shorter')
}
