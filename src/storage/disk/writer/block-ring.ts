/**
 * A ring of blocks in shared memory: one thread fills them in sequence, and the other one writes them in the same
 * sequence, without copies and without a message for each block.
 */

/** Small enough to stay in a core's cache until it is checked and written: larger blocks take up to twice as long. */
export const BLOCK_BYTES = 256 * 1024
const BLOCK_COUNT = 8

/** The states of a block; any other value is the number of bytes to write. */
const FREE = 0
const END = -1

export interface SharedBlocks {
  /** The state of each block; then one that is not 0 after a failed write. */
  readonly states: Int32Array<SharedArrayBuffer>
  readonly bytes: SharedArrayBuffer
}

export function createSharedBlocks(): SharedBlocks {
  return {
    states: new Int32Array(new SharedArrayBuffer(4 * (BLOCK_COUNT + 1))),
    bytes: new SharedArrayBuffer(BLOCK_COUNT * BLOCK_BYTES)
  }
}

const blockOf = ({ bytes }: SharedBlocks, sequence: number) =>
  Buffer.from(bytes, (sequence % BLOCK_COUNT) * BLOCK_BYTES, BLOCK_BYTES)

/** The side that fills blocks. */
export class RingFiller {
  readonly #shared: SharedBlocks
  readonly #lengths: number[] = []
  #sequence = 0
  #writtenBlocks = 0
  #writtenBytes = 0

  constructor(shared: SharedBlocks) {
    this.#shared = shared
    shared.states.fill(FREE)
  }

  /** Waits until the other side has written the next block. @returns the block */
  async take(): Promise<Buffer> {
    const index = this.#sequence % BLOCK_COUNT
    for (let state = this.#state(index); state !== FREE; state = this.#state(index)) {
      await Atomics.waitAsync(this.#shared.states, index, state).value
    }
    // Once the block is put again, its state no longer shows that it was written.
    this.#countWritten()
    return blockOf(this.#shared, this.#sequence)
  }

  /**
   * Passes the taken block to the other side.
   * @param bytes at least one: an empty block would have the state of a free one, and the other side would wait forever
   */
  put(bytes: number): void {
    if (bytes < 1) throw new RangeError('An empty block cannot be written')
    this.#lengths[this.#sequence % BLOCK_COUNT] = bytes
    this.#pass(bytes)
  }

  /** Ends the sequence; no block may be taken. */
  async end(): Promise<void> {
    await this.take()
    this.#pass(END)
  }

  /** A block was not written, and none after it. */
  get hasFailed(): boolean {
    return this.#state(BLOCK_COUNT) !== 0
  }

  /** The other side is gone: releases all blocks, so that no caller waits for it. */
  abandon(): void {
    const { states } = this.#shared
    Atomics.store(states, BLOCK_COUNT, 1)
    for (let index = 0; index < BLOCK_COUNT; index += 1) {
      Atomics.store(states, index, FREE)
      Atomics.notify(states, index)
    }
  }

  /** Bytes of the written blocks before the first one that is not written. */
  get writtenBytes(): number {
    this.#countWritten()
    return this.#writtenBytes
  }

  #countWritten(): void {
    for (; this.#writtenBlocks < this.#sequence; this.#writtenBlocks += 1) {
      const index = this.#writtenBlocks % BLOCK_COUNT
      // In this order: the other side sets the failure before it frees the block that was not written.
      if (this.#state(index) !== FREE || this.hasFailed) return
      this.#writtenBytes += this.#lengths[index] ?? 0
    }
  }

  #state(index: number): number {
    return Atomics.load(this.#shared.states, index)
  }

  #pass(state: number): void {
    const index = this.#sequence % BLOCK_COUNT
    Atomics.store(this.#shared.states, index, state)
    Atomics.notify(this.#shared.states, index)
    this.#sequence += 1
  }
}

/**
 * The side that writes: takes all blocks up to the end of the sequence, and waits for each.
 * @param write is not called again after it has thrown
 * @returns what it has thrown; undefined when all blocks are written
 */
export function drainRing(shared: SharedBlocks, write: (block: Buffer) => void): unknown {
  const { states } = shared
  let failure: unknown
  for (let sequence = 0; ; sequence += 1) {
    const index = sequence % BLOCK_COUNT
    Atomics.wait(states, index, FREE)
    const state = Atomics.load(states, index)
    if (state !== END && failure === undefined) {
      try {
        write(blockOf(shared, sequence).subarray(0, state))
      } catch (error) {
        failure = error
        Atomics.store(states, BLOCK_COUNT, 1)
      }
    }
    Atomics.store(states, index, FREE)
    Atomics.notify(states, index)
    if (state === END) return failure
  }
}
