/**
 * Writes a file sequentially, and makes it durable while it grows.
 *
 * Three steps run concurrently: the caller fills a block, another thread writes the blocks before it, and the system
 * syncs the bytes that were written earlier. Memory is the ring of blocks, whatever the size of the file. Little more
 * than `SYNC_AHEAD_BYTES` are written and not durable: the end of the file waits only for these, and after a crash less
 * than 64 MiB are copied again.
 */
import fs from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { ArchiveOutput } from '../../../zip/archive-output.ts'
import { RingFiller } from './block-ring.ts'
import { takeThread, writeInThread } from './thread-pool.ts'

export { BLOCK_BYTES } from './block-ring.ts'

const fdatasync = promisify(fs.fdatasync)

const SYNC_EVERY_BYTES = 16 * 1024 * 1024
/** On a slow disk progress would otherwise not change for a long time. */
const SYNC_EVERY_MS = 200
const SYNC_AHEAD_BYTES = 40 * 1024 * 1024

export interface BlockWriterOptions {
  /** Open for writing; the caller closes it, after `settle()`. */
  readonly fd: number
  /** Durable bytes that the file has already; the first byte is written after them. */
  readonly start: number
  /** False for a file that need not survive a crash: then written bytes count as durable at once. */
  readonly isDurable: boolean
  /**
   * Called with the number of durable bytes from the start of the file; not called again before its promise is
   * fulfilled.
   */
  readonly onDurable: (bytes: number) => Promise<void> | void
}

export class BlockWriter implements ArchiveOutput {
  readonly #options: BlockWriterOptions
  readonly #ring: RingFiller
  /** Fulfilled when the thread no longer uses the file; never rejected. */
  readonly #writing: Promise<void>
  #ending: Promise<void> | undefined
  #block: Buffer | undefined
  #filled = 0
  #blocksTaken = 0
  /** Bytes passed to the thread, and durable bytes, both from the start of the file. */
  #queued: number
  #durable: number
  #sync: Promise<void> | undefined
  #lastSyncAt = performance.now()
  #failure: unknown

  constructor(options: BlockWriterOptions) {
    this.#options = options
    this.#queued = options.start
    this.#durable = options.start
    const thread = takeThread()
    this.#ring = new RingFiller(thread.shared)
    this.#writing = writeInThread(thread, { fd: options.fd, start: options.start }).catch((error) => {
      this.#fail(error)
      this.#ring.abandon()
    })
  }

  /** Bytes taken so far: the offset of the next byte. */
  get position(): number {
    return this.#queued + this.#filled
  }

  /** Free space for the next bytes, at least one and at most a block. */
  async space(): Promise<Buffer> {
    if (this.#filled === this.#block?.length) this.#flush()
    this.#block ??= await this.#takeBlock()
    return this.#block.subarray(this.#filled)
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
    this.#flush()
    await this.#endWriting()
    await this.#sync
    this.#throwFailure()
    if (this.#options.isDurable) await fdatasync(this.#options.fd)
    await this.#setDurable(this.#queued)
  }

  /** Ends this writer, and waits until nothing uses the file, also after a failure. Never throws. */
  async settle(): Promise<void> {
    await this.#endWriting()
    await this.#sync
  }

  #endWriting(): Promise<void> {
    this.#ending ??= this.#ring.end().then(() => this.#writing)
    return this.#ending
  }

  async #takeBlock(): Promise<Buffer> {
    this.#throwFailure()
    // The event loop runs regularly: for messages, finished syncs, a stop.
    this.#blocksTaken += 1
    if (this.#blocksTaken % 8 === 0) await setImmediate()
    await this.#keepDurable()
    const block = await this.#ring.take()
    // The thread returns the reason when it ends.
    if (this.#ring.hasFailed) await this.#endWriting()
    this.#throwFailure()
    return block
  }

  #flush(): void {
    // A taken block without bytes is used again, or ends the file.
    if (this.#block === undefined || this.#filled === 0) return
    this.#ring.put(this.#filled)
    this.#queued += this.#filled
    this.#filled = 0
    this.#block = undefined
  }

  async #keepDurable(): Promise<void> {
    if (!this.#options.isDurable) return this.#setDurable(this.#written)
    if (this.#sync === undefined && this.#isSyncDue()) this.#startSync()
    while (this.#sync !== undefined && this.#queued - this.#durable > SYNC_AHEAD_BYTES) {
      await this.#sync
      if (this.#isSyncDue() && this.#failure === undefined) this.#startSync()
    }
  }

  get #written(): number {
    return this.#options.start + this.#ring.writtenBytes
  }

  #isSyncDue(): boolean {
    const bytes = this.#written - this.#durable
    return bytes >= SYNC_EVERY_BYTES || (bytes > 0 && performance.now() - this.#lastSyncAt >= SYNC_EVERY_MS)
  }

  #startSync(): void {
    const covered = this.#written
    this.#sync = fdatasync(this.#options.fd)
      .then(() => this.#setDurable(covered))
      .catch((error) => this.#fail(error))
      .finally(() => {
        this.#sync = undefined
        this.#lastSyncAt = performance.now()
      })
  }

  async #setDurable(bytes: number): Promise<void> {
    if (bytes === this.#durable) return
    await this.#options.onDurable(bytes)
    this.#durable = bytes
  }

  #fail(error: unknown): void {
    this.#failure ??= error
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure
  }
}
