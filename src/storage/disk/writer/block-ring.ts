/**
 * A ring of blocks in memory that two threads share: one fills them in turn, the other writes them in the same turn,
 * and neither copies them nor sends a message for one.
 */

/** Small enough to be still in a core's cache when it is checked, and written: larger ones take up to twice as long. */
export const BLOCK_BYTES = 256 * 1024
const BLOCK_COUNT = 8

/** What a block's state says; any other value is the number of bytes that are to be written. */
const FREE = 0
const END = -1

export interface SharedBlocks {
  /** Of each block, and whether the writing has failed. */
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

/** The side that fills blocks. The first block has turn 0. */
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

  /** The next block, as soon as the other side has done with it. */
  async take(): Promise<Buffer> {
    const index = this.#sequence % BLOCK_COUNT
    for (let state = this.#state(index); state !== FREE; state = this.#state(index)) {
      await Atomics.waitAsync(this.#shared.states, index, state).value
    }
    // Once it is handed over again, nothing tells any more that it was written.
    this.#countWritten()
    return blockOf(this.#shared, this.#sequence)
  }

  /**
   * Hands the block that was taken over to the other side.
   * @param bytes at least one: an empty block looks like one that is free, and the other side would wait for it for
   * ever
   */
  put(bytes: number): void {
    if (bytes < 1) throw new RangeError('An empty block cannot be handed over')
    this.#lengths[this.#sequence % BLOCK_COUNT] = bytes
    this.#hand(bytes)
  }

  /** There will be no more; the block for this may not have been taken. */
  async end(): Promise<void> {
    await this.take()
    this.#hand(END)
  }

  /** Some block was not written, nor any after it. */
  get hasFailed(): boolean {
    return this.#state(BLOCK_COUNT) !== 0
  }

  /** The other side is gone: nobody waits for it any more. */
  abandon(): void {
    const { states } = this.#shared
    Atomics.store(states, BLOCK_COUNT, 1)
    for (let index = 0; index < BLOCK_COUNT; index += 1) {
      Atomics.store(states, index, FREE)
      Atomics.notify(states, index)
    }
  }

  /** Bytes of the blocks that are written, up to the first one that is not. */
  get writtenBytes(): number {
    this.#countWritten()
    return this.#writtenBytes
  }

  #countWritten(): void {
    for (; this.#writtenBlocks < this.#sequence; this.#writtenBlocks += 1) {
      const index = this.#writtenBlocks % BLOCK_COUNT
      // In this order: a failure shows before the block is given back that was not written.
      if (this.#state(index) !== FREE || this.hasFailed) return
      this.#writtenBytes += this.#lengths[index] ?? 0
    }
  }

  #state(index: number): number {
    return Atomics.load(this.#shared.states, index)
  }

  #hand(state: number): void {
    const index = this.#sequence % BLOCK_COUNT
    Atomics.store(this.#shared.states, index, state)
    Atomics.notify(this.#shared.states, index)
    this.#sequence += 1
  }
}

/**
 * The side that writes: takes all blocks up to the end, and waits for each in between.
 * @param write what throws is not called again
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
