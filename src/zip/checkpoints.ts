/** A position in an archive, with the facts that another run needs to resume there. */
export interface Checkpoint {
  /** Bytes of the archive before it. */
  readonly offset: number
  /** The entry that the next byte belongs to; the number of entries: the central directory. */
  readonly position: number
  /** CRC-32 of the content of that entry before it. */
  readonly crc32: number
}

/** The least distance of two checkpoints: many small entries would otherwise make too many. */
const CHECKPOINT_EVERY_BYTES = 1024 * 1024

interface Passed<Entry> {
  readonly checkpoint: Checkpoint
  /** The last whole entry before the checkpoint; undefined when this run has none. */
  readonly lastEntry: Entry | undefined
}

/** The checkpoints of an archive that is being written; remembers only those that are not durable yet. */
export class CheckpointTrail<Entry extends { readonly position: number }> {
  #last: Passed<Entry>
  #ahead: Passed<Entry>[] = []
  #lastWholeEntry: Entry | undefined
  readonly #every: number | undefined

  /** @param every another run can resume at multiples of it only; undefined: anywhere */
  constructor(start: Checkpoint, every?: number) {
    this.#last = { checkpoint: start, lastEntry: undefined }
    this.#every = every
  }

  /** Adds a checkpoint in the middle of an entry. */
  add(checkpoint: Checkpoint): void {
    if (this.#every !== undefined && checkpoint.offset % this.#every !== 0) return
    const before = this.#ahead.at(-1) ?? this.#last
    if (checkpoint.offset - before.checkpoint.offset < CHECKPOINT_EVERY_BYTES) return
    this.#ahead.push({ checkpoint, lastEntry: this.#lastWholeEntry })
  }

  /** Adds the checkpoint after a whole entry. @param offset where the next entry begins */
  addAfter(entry: Entry, offset: number): void {
    this.#lastWholeEntry = entry
    this.add({ offset, position: entry.position + 1, crc32: 0 })
  }

  /** The last checkpoint within these bytes. @param bytes never fewer than in the call before */
  upTo(bytes: number): Passed<Entry> {
    const firstAhead = this.#ahead.findIndex(({ checkpoint }) => checkpoint.offset > bytes)
    const passed = this.#ahead.splice(0, firstAhead === -1 ? this.#ahead.length : firstAhead)
    this.#last = passed.at(-1) ?? this.#last
    return this.#last
  }
}
