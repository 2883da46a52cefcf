/** How yauzl reads a .zip that lies in the repository, or has come from outside: never beyond the file, and not byte by byte. */
import { Readable } from 'node:stream'
import yauzl from 'yauzl'
import { readFully } from './read-fully.ts'

/** A central directory is read in small pieces, one after the other: most of them are in this window already. */
const WINDOW_BYTES = 256 * 1024

/** Fills the buffer from a position on, and gives back how many bytes these were: fewer only where the file ends. */
export type ReadAt = (target: Buffer, position: number) => number | Promise<number>

/** Refuses positions outside of the file: an archive can claim any, and yauzl asks the system for them. */
export class BoundedReader extends yauzl.RandomAccessReader {
  readonly #readAt: ReadAt
  readonly #size: number
  readonly #window = Buffer.allocUnsafe(WINDOW_BYTES)
  #windowStart = 0
  #windowLength = 0

  /** @param file descriptor of one that is here, or how one is read that is not */
  constructor(file: number | ReadAt, size: number) {
    super()
    this.#readAt = typeof file === 'number' ? (target, position) => readFully(file, target, position) : file
    this.#size = size
  }

  override read(
    target: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void
  ): void {
    this.#readInto(target.subarray(offset, offset + length), position).then(
      () => setImmediate(() => callback(null)),
      (error) => setImmediate(() => callback(error))
    )
  }

  /** Members are small: one read is enough. */
  override _readStreamForRange(start: number, end: number): Readable {
    const reader = this
    return new Readable({
      async read() {
        try {
          reader.#check(start, end)
          const bytes = Buffer.allocUnsafe(end - start)
          await reader.#readInto(bytes, start)
          this.push(bytes)
          this.push(null)
        } catch (error) {
          this.destroy(error as Error)
        }
      }
    })
  }

  async #readInto(target: Buffer, position: number): Promise<void> {
    const end = position + target.length
    this.#check(position, end)
    if (target.length > WINDOW_BYTES) {
      if ((await this.#readAt(target, position)) < target.length) throw shorter()
      return
    }
    if (position < this.#windowStart || end > this.#windowStart + this.#windowLength) {
      // Until it is filled.
      this.#windowLength = 0
      this.#windowStart = position
      this.#windowLength = await this.#readAt(this.#window, position)
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
