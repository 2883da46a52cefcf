/**
 * Writes an archive as the parts of a multipart upload, several of them at a time. Memory is the buffers of the parts,
 * whatever the size of the archive; that much has to be done again after a crash, too.
 */
import { setImmediate } from 'node:timers/promises'
import type { ArchiveOutput } from '../../zip/archive-output.ts'

const BUFFER_BUDGET_BYTES = 64 * 1024 * 1024
/** One is filled while the other is on its way: also of parts that are larger than the budget. */
const MIN_BUFFERS = 2
/** Small enough to be still in a core's cache when it is checked. */
const BLOCK_BYTES = 256 * 1024
/** After so many blocks everybody else has a turn: parts that are on their way are sent from this thread. */
const BLOCKS_PER_TURN = 4

export interface PartWriterOptions {
  /**
   * Bytes of the archive, of each part but the last one, and those that are there already: a multiple of the part's.
   */
  readonly size: number
  readonly partSize: number
  readonly start: number
  /** Uploads a part, and resolves when it is there to stay. @param number from 1 */
  readonly upload: (number: number, bytes: Buffer, signal: AbortSignal) => Promise<void>
  /** Told the number of bytes from the start that are there to stay; not told again before its promise is fulfilled. */
  readonly onDurable: (bytes: number) => Promise<void> | void
}

export class PartWriter implements ArchiveOutput {
  readonly #options: PartWriterOptions
  readonly #giveUp = new AbortController()
  /** By the number of the part. */
  readonly #underWay = new Map<number, Promise<void>>()
  /** Parts that are there, behind one that is not. */
  readonly #early = new Set<number>()
  readonly #idle: Buffer[] = []
  #buffersToMake: number
  #buffer: Buffer | undefined
  #filled = 0
  /** Parts handed over, and of these the first ones that are all there. */
  #handedParts: number
  #wholeParts: number
  #blocks = 0
  #told: number
  #telling: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(options: PartWriterOptions) {
    this.#options = options
    this.#handedParts = options.start / options.partSize
    this.#wholeParts = this.#handedParts
    this.#told = options.start
    this.#buffersToMake = Math.max(MIN_BUFFERS, Math.floor(BUFFER_BUDGET_BYTES / options.partSize))
  }

  get position(): number {
    return this.#bytesOf(this.#handedParts) + this.#filled
  }

  get checkpointEvery(): number {
    return this.#options.partSize
  }

  async space(): Promise<Buffer> {
    this.#throwFailure()
    if (this.#buffer !== undefined && this.#filled === this.#buffer.length) this.#handOver(this.#buffer)
    this.#buffer ??= await this.#takeBuffer()
    this.#blocks += 1
    if (this.#blocks % BLOCKS_PER_TURN === 0) await setImmediate()
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
    if (this.#buffer !== undefined && this.#filled > 0) this.#handOver(this.#buffer)
    await Promise.all(this.#underWay.values())
    await this.#telling
    this.#throwFailure()
  }

  async settle(): Promise<void> {
    this.#giveUp.abort()
    await Promise.all(this.#underWay.values())
    await this.#telling
    this.#idle.length = 0
  }

  #bytesOf(parts: number): number {
    return Math.min(parts * this.#options.partSize, this.#options.size)
  }

  async #takeBuffer(): Promise<Buffer> {
    const left = this.#options.size - this.#bytesOf(this.#handedParts)
    if (left === 0) throw new Error(`The archive has more than the ${this.#options.size} bytes that were planned`)
    const length = Math.min(left, this.#options.partSize)
    while (this.#idle.length === 0 && this.#buffersToMake === 0) {
      await Promise.race(this.#underWay.values())
      this.#throwFailure()
    }
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle.subarray(0, length)
    this.#buffersToMake -= 1
    return Buffer.allocUnsafeSlow(length)
  }

  #handOver(buffer: Buffer): void {
    this.#handedParts += 1
    this.#buffer = undefined
    this.#filled = 0
    const number = this.#handedParts
    const settled = this.#options
      .upload(number, buffer, this.#giveUp.signal)
      .then(() => {
        this.#idle.push(buffer)
        this.#early.add(number)
        while (this.#early.delete(this.#wholeParts + 1)) this.#wholeParts += 1
        if (this.#isMoreToTell()) this.#telling ??= this.#tell()
      })
      .catch((error) => this.#fail(error))
      .finally(() => this.#underWay.delete(number))
    this.#underWay.set(number, settled)
  }

  #isMoreToTell(): boolean {
    return this.#told < this.#bytesOf(this.#wholeParts)
  }

  async #tell(): Promise<void> {
    try {
      while (this.#isMoreToTell()) {
        const bytes = this.#bytesOf(this.#wholeParts)
        await this.#options.onDurable(bytes)
        this.#told = bytes
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#telling = undefined
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
