/**
 * Writes an archive as the parts of a multipart upload, several parts concurrently. Memory is the buffers of the parts,
 * whatever the size of the archive; after a crash up to that many bytes are written again.
 */
import { setImmediate } from 'node:timers/promises'
import type { ArchiveOutput } from '../../zip/archive-output.ts'

const BUFFER_BUDGET_BYTES = 64 * 1024 * 1024
/** One is filled while the other one is uploaded, also when the parts are larger than the budget. */
const MIN_BUFFERS = 2
/** Small enough to stay in a core's cache until its CRC-32 is computed. */
const BLOCK_BYTES = 256 * 1024
/** The event loop runs after this number of blocks: this thread also sends the parts. */
const BLOCKS_PER_YIELD = 4

export interface PartWriterOptions {
  /** Bytes of the whole archive. */
  readonly size: number
  /** Bytes of each part but the last one. */
  readonly partSize: number
  /** Bytes that are uploaded already: a multiple of `partSize`. */
  readonly start: number
  /** Uploads a part, and resolves when it is durable. @param number from 1 */
  readonly upload: (number: number, bytes: Buffer, signal: AbortSignal) => Promise<void>
  /** Called with the number of durable bytes from the start; not called again before its promise is fulfilled. */
  readonly onDurable: (bytes: number) => Promise<void> | void
}

export class PartWriter implements ArchiveOutput {
  readonly #options: PartWriterOptions
  readonly #cancel = new AbortController()
  /** Uploads in progress, by the number of the part. */
  readonly #uploads = new Map<number, Promise<void>>()
  /** Parts that are uploaded behind one that is not. */
  readonly #early = new Set<number>()
  readonly #idle: Buffer[] = []
  #buffersToMake: number
  #buffer: Buffer | undefined
  #filled = 0
  /** Parts whose upload has begun, and the length of the sequence of uploaded parts from the first one on. */
  #begunParts: number
  #wholeParts: number
  #blocks = 0
  #reportedBytes: number
  #reporting: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(options: PartWriterOptions) {
    this.#options = options
    this.#begunParts = options.start / options.partSize
    this.#wholeParts = this.#begunParts
    this.#reportedBytes = options.start
    this.#buffersToMake = Math.max(MIN_BUFFERS, Math.floor(BUFFER_BUDGET_BYTES / options.partSize))
  }

  get position(): number {
    return this.#bytesOf(this.#begunParts) + this.#filled
  }

  get checkpointEvery(): number {
    return this.#options.partSize
  }

  async space(): Promise<Buffer> {
    this.#throwFailure()
    if (this.#buffer !== undefined && this.#filled === this.#buffer.length) this.#beginUpload(this.#buffer)
    this.#buffer ??= await this.#takeBuffer()
    this.#blocks += 1
    if (this.#blocks % BLOCKS_PER_YIELD === 0) await setImmediate()
    return this.#buffer.subarray(this.#filled, this.#filled + BLOCK_BYTES)
  }

  advance(bytes: number): void {
    this.#filled += bytes
  }

  async append(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const copied = bytes.copy(await this.space(), 0, done)
      this.advance(copied)
      done += copied
    }
  }

  async end(): Promise<void> {
    this.#throwFailure()
    if (this.position !== this.#options.size) {
      throw new Error(`The archive ends after ${this.position} bytes, planned were ${this.#options.size}`)
    }
    if (this.#buffer !== undefined && this.#filled > 0) this.#beginUpload(this.#buffer)
    await Promise.all(this.#uploads.values())
    await this.#reporting
    this.#throwFailure()
  }

  async settle(): Promise<void> {
    this.#cancel.abort()
    await Promise.all(this.#uploads.values())
    await this.#reporting
    this.#idle.length = 0
  }

  #bytesOf(parts: number): number {
    return Math.min(parts * this.#options.partSize, this.#options.size)
  }

  async #takeBuffer(): Promise<Buffer> {
    const left = this.#options.size - this.#bytesOf(this.#begunParts)
    if (left === 0) throw new Error(`The archive has more than the ${this.#options.size} bytes that were planned`)
    const length = Math.min(left, this.#options.partSize)
    while (this.#idle.length === 0 && this.#buffersToMake === 0) {
      await Promise.race(this.#uploads.values())
      this.#throwFailure()
    }
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle.subarray(0, length)
    this.#buffersToMake -= 1
    return Buffer.allocUnsafeSlow(length)
  }

  #beginUpload(buffer: Buffer): void {
    this.#begunParts += 1
    this.#buffer = undefined
    this.#filled = 0
    const number = this.#begunParts
    const settled = this.#options
      .upload(number, buffer, this.#cancel.signal)
      .then(() => {
        this.#idle.push(buffer)
        this.#early.add(number)
        while (this.#early.delete(this.#wholeParts + 1)) this.#wholeParts += 1
        if (this.#hasUnreported()) this.#reporting ??= this.#report()
      })
      .catch((error) => this.#fail(error))
      .finally(() => this.#uploads.delete(number))
    this.#uploads.set(number, settled)
  }

  #hasUnreported(): boolean {
    return this.#reportedBytes < this.#bytesOf(this.#wholeParts)
  }

  async #report(): Promise<void> {
    try {
      while (this.#hasUnreported()) {
        const bytes = this.#bytesOf(this.#wholeParts)
        await this.#options.onDurable(bytes)
        this.#reportedBytes = bytes
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#reporting = undefined
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
