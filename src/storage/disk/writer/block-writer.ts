/**
 * Writes a file from front to end, and makes it durable while it grows.
 *
 * Three things go on at once: the caller fills one block, the ones before it are being written by another thread, and
 * what was written earlier is being brought to the disk. Memory is the ring of blocks, whatever the size of the file;
 * and little more than
 * `SYNC_AHEAD_BYTES` are ever written that are not yet on the disk, so that there is no long wait at the end, and
 * little to copy again after a crash: less than 64 MiB.
 */
import fs from 'node:fs'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { createSharedBlocks, RingFiller, type SharedBlocks } from './block-ring.ts'
import type { WritingJob, WritingResult } from './writing-thread.ts'

export { BLOCK_BYTES } from './block-ring.ts'

const fdatasync = promisify(fs.fdatasync)

const SYNC_EVERY_BYTES = 16 * 1024 * 1024
/** On a slow disk progress would otherwise stand still for long. */
const SYNC_EVERY_MS = 200
const SYNC_AHEAD_BYTES = 40 * 1024 * 1024

const THREAD_FILE = new URL(`./writing-thread${path.extname(import.meta.filename)}`, import.meta.url)
/** It holds a handful of variables. */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 }

interface WritingThread {
  readonly worker: Worker
  readonly shared: SharedBlocks
}

/** Threads of finished writers. The next one takes them over: to start one takes as long as writing some megabytes. */
const idleThreads: WritingThread[] = []

export interface BlockWriterOptions {
  /** Open for writing; the caller closes it, after `settle()`. */
  readonly fd: number
  /** Bytes that the file has already, and that are durable; the first byte goes after them. */
  readonly start: number
  /** False for a file that need not survive a crash: then what is written counts as durable at once. */
  readonly isDurable: boolean
  /**
   * Told the number of bytes from the start of the file that are durable; not told again before its promise is
   * fulfilled.
   */
  readonly onDurable: (bytes: number) => Promise<void> | void
}

export class BlockWriter {
  readonly #options: BlockWriterOptions
  readonly #ring: RingFiller
  /** Fulfilled when the thread touches the file no more; never rejected. */
  readonly #writing: Promise<void>
  #ending: Promise<void> | undefined
  #block: Buffer | undefined
  #filled = 0
  #blocksTaken = 0
  /** Bytes handed over, and of the whole file the ones that are durable. */
  #queued: number
  #durable: number
  #sync: Promise<void> | undefined
  #lastSyncAt = performance.now()
  #failure: unknown

  constructor(options: BlockWriterOptions) {
    this.#options = options
    this.#queued = options.start
    this.#durable = options.start
    const thread = idleThreads.pop() ?? startThread()
    this.#ring = new RingFiller(thread.shared)
    this.#writing = writeInThread(thread, options).catch((error) => {
      this.#fail(error)
      this.#ring.abandon()
    })
  }

  /** Bytes taken so far: the offset of what comes next. */
  get position(): number {
    return this.#queued + this.#filled
  }

  /** Room for the next bytes, at least one and at most a block; what is put there counts once `advance` is called. */
  async space(): Promise<Buffer> {
    if (this.#filled === this.#block?.length) this.#flush()
    this.#block ??= await this.#takeBlock()
    return this.#block.subarray(this.#filled)
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

  /** Everything is written, and durable if it is to be, when this resolves. */
  async end(): Promise<void> {
    this.#throwFailure()
    this.#flush()
    await this.#endWriting()
    await this.#sync
    this.#throwFailure()
    if (this.#options.isDurable) await fdatasync(this.#options.fd)
    await this.#setDurable(this.#queued)
  }

  /**
   * Waits until nothing touches the file any more, and ends this writer; also for a caller that gives up. Never throws.
   */
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
    // Now and then everybody else has a turn: messages, syncs that are done, a stop.
    this.#blocksTaken += 1
    if (this.#blocksTaken % 8 === 0) await setImmediate()
    await this.#keepDurable()
    const block = await this.#ring.take()
    // The thread tells why at its end.
    if (this.#ring.hasFailed) await this.#endWriting()
    this.#throwFailure()
    return block
  }

  #flush(): void {
    // One that was taken and got nothing is taken again, or ends the file.
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

function startThread(): WritingThread {
  const shared = createSharedBlocks()
  const worker = new Worker(THREAD_FILE, { workerData: shared, resourceLimits: THREAD_LIMITS, execArgv: [] })
  worker.once('exit', () => {
    const index = idleThreads.findIndex((thread) => thread.worker === worker)
    if (index !== -1) idleThreads.splice(index, 1)
  })
  return { shared, worker }
}

/** Keeps the process alive only while it writes. @throws the system's error, or what the thread died of */
async function writeInThread(thread: WritingThread, { fd, start }: BlockWriterOptions): Promise<void> {
  const { worker } = thread
  const { promise, resolve, reject } = Promise.withResolvers<WritingResult>()
  const onExit = () => reject(new Error('The thread that writes has ended'))
  worker.on('message', resolve).on('error', reject).on('exit', onExit)
  worker.ref()
  worker.postMessage({ fd, start } satisfies WritingJob)
  try {
    const { failure } = await promise
    idleThreads.push(thread)
    if (failure !== undefined) throw Object.assign(new Error(failure.message), failure)
  } finally {
    worker.off('message', resolve).off('error', reject).off('exit', onExit)
    worker.unref()
  }
}
