/**
 * Writes a file from front to end out of a few large buffers, and makes it durable while it grows.
 *
 * Three things go on at once: the caller fills one buffer, the one before it is being written, and what was written earlier
 * is being brought to the disk. Memory is the buffers, whatever the size of the file; and little more than `SYNC_AHEAD_BYTES`
 * are ever written that are not yet on the disk, so that there is no long wait at the end, and little to copy again after a
 * crash: with the blocks that are under way it is less than 64 MiB.
 */
import fs from 'node:fs'
import { promisify } from 'node:util'

const write = promisify(fs.write)
const fdatasync = promisify(fs.fdatasync)

/** The size at which reads and writes stop getting faster. */
export const BLOCK_BYTES = 4 * 1024 * 1024
const BLOCK_COUNT = 4
const SYNC_EVERY_BYTES = 16 * 1024 * 1024
/** On a slow disk progress would otherwise stand still for long. */
const SYNC_EVERY_MS = 200
const SYNC_AHEAD_BYTES = 40 * 1024 * 1024

/** Blocks of finished writers. The next one takes them over: the garbage collector would let them lie around for long. */
const idleBlocks: Buffer[] = []

export interface BlockWriterOptions {
  /** Open for writing; the caller closes it, after `settle()`. */
  readonly fd: number
  /** Bytes that the file has already, and that are durable; the first byte goes after them. */
  readonly start: number
  /** False for a file that need not survive a crash: then what is written counts as durable at once. */
  readonly isDurable: boolean
  /** Told the number of bytes from the start of the file that are durable; not told again before its promise is fulfilled. */
  readonly onDurable: (bytes: number) => Promise<void> | void
}

export class BlockWriter {
  readonly #options: BlockWriterOptions
  readonly #free: Buffer[] = Array.from(
    { length: BLOCK_COUNT },
    () => idleBlocks.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES)
  )
  readonly #waiting: ((block: Buffer) => void)[] = []
  #current: Buffer | undefined
  #filled = 0
  /** Bytes handed to `write`, and of these the ones that are written, and that are durable. */
  #queued: number
  #written: number
  #durable: number
  #lastWrite: Promise<void> = Promise.resolve()
  #sync: Promise<void> | undefined
  #lastSyncAt = performance.now()
  #failure: Error | undefined

  constructor(options: BlockWriterOptions) {
    this.#options = options
    this.#queued = options.start
    this.#written = options.start
    this.#durable = options.start
  }

  /** Bytes taken so far: the offset of what comes next. */
  get position(): number {
    return this.#queued + this.#filled
  }

  /** Room for the next bytes, at least one and at most a block; what is put there counts once `advance` is called. */
  async space(): Promise<Buffer> {
    if (this.#current !== undefined && this.#filled === BLOCK_BYTES) this.flush()
    this.#current ??= await this.takeBlock()
    return this.#current.subarray(this.#filled)
  }

  /** Takes so many bytes that the caller has put into `space()`. */
  advance(bytes: number): void {
    this.#filled += bytes
  }

  /** Copies bytes in. */
  async append(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const copied = bytes.copy(await this.space(), 0, done)
      this.advance(copied)
      done += copied
    }
  }

  /** An empty block for the caller to fill and to give back with `putBlock`, while the writer goes on. */
  async takeBlock(): Promise<Buffer> {
    this.#throwFailure()
    const block = this.#free.pop() ?? (await new Promise<Buffer>((resolve) => this.#waiting.push(resolve)))
    this.#throwFailure()
    return block
  }

  /** Writes a block that was taken; the bytes collected before it go first. */
  putBlock(block: Buffer, bytes: number): void {
    this.flush()
    this.#queue(block, bytes)
  }

  /** Sends off what is collected. */
  flush(): void {
    if (this.#current === undefined) return
    const block = this.#current
    this.#current = undefined
    this.#queue(block, this.#filled)
    this.#filled = 0
  }

  /** Everything is written, and durable if it is to be, when this resolves. */
  async end(): Promise<void> {
    this.flush()
    await this.#lastWrite
    await this.#sync
    this.#throwFailure()
    if (this.#options.isDurable) await fdatasync(this.#options.fd)
    await this.#setDurable(this.#written)
  }

  /** Waits until nothing touches the file any more, and ends this writer; also for a caller that gives up. Never throws. */
  async settle(): Promise<void> {
    await this.#lastWrite
    await this.#sync
    idleBlocks.push(...this.#free.splice(0))
  }

  #queue(block: Buffer, bytes: number): void {
    const start = this.#queued
    this.#queued += bytes
    // One write after the other: then everything up to `#written` is in the file.
    this.#lastWrite = this.#lastWrite
      .then(() => this.#writeBlock(block, bytes, start))
      .catch((error) => this.#fail(error))
      .then(() => this.#release(block))
  }

  async #writeBlock(block: Buffer, bytes: number, start: number): Promise<void> {
    if (this.#failure !== undefined) return
    for (let done = 0; done < bytes; ) {
      done += (await write(this.#options.fd, block, done, bytes - done, start + done)).bytesWritten
    }
    this.#written = start + bytes
    await this.#keepDurable()
  }

  async #keepDurable(): Promise<void> {
    if (!this.#options.isDurable) {
      await this.#setDurable(this.#written)
      return
    }
    if (this.#sync === undefined && this.#isSyncDue()) this.#startSync()
    while (this.#sync !== undefined && this.#written - this.#durable > SYNC_AHEAD_BYTES) {
      await this.#sync
      if (this.#isSyncDue() && this.#failure === undefined) this.#startSync()
    }
  }

  #isSyncDue(): boolean {
    return this.#written - this.#durable >= SYNC_EVERY_BYTES || performance.now() - this.#lastSyncAt >= SYNC_EVERY_MS
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

  #release(block: Buffer): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free.push(block)
    else next(block)
  }

  #fail(error: Error): void {
    this.#failure ??= error
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure
  }
}
