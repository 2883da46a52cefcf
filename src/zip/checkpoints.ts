/** A place of an archive, and what is needed to go on from there. */
export interface Checkpoint {
  /** Bytes of the archive before it. */
  readonly offset: number
  /** The entry that the next byte belongs to. */
  readonly position: number
  /** CRC-32 of the content of that entry before it. */
  readonly crc32: number
}

/** Between two marks there is at least so much: with many small entries there would be too many of them otherwise. */
const CHECKPOINT_EVERY_BYTES = 1024 * 1024

interface PassedCheckpoint<Entry> {
  readonly checkpoint: Checkpoint
  readonly lastEntry: Entry | undefined
}

/** The places of an archive from which another run could go on; remembers only those that are not durable yet. */
export class CheckpointTrail<Entry extends { readonly position: number }> {
  #last: PassedCheckpoint<Entry>
  #ahead: PassedCheckpoint<Entry>[] = []
  #wholeEntry: Entry | undefined
  readonly #every: number | undefined

  /** @param every another run can go on at multiples of it only; undefined: anywhere */
  constructor(start: Checkpoint, every?: number) {
    this.#last = { checkpoint: start, lastEntry: undefined }
    this.#every = every
  }

  /** Another run could go on here, in the middle of an entry. */
  addCheckpoint(checkpoint: Checkpoint): void {
    if (this.#every !== undefined && checkpoint.offset % this.#every !== 0) return
    const before = this.#ahead.at(-1) ?? this.#last
    if (checkpoint.offset - before.checkpoint.offset < CHECKPOINT_EVERY_BYTES) return
    this.#ahead.push({ checkpoint, lastEntry: this.#wholeEntry })
  }

  /** An entry is whole, and the next one begins at this offset. */
  addEntryEnd(entry: Entry, offset: number): void {
    this.#wholeEntry = entry
    this.addCheckpoint({ offset, position: entry.position + 1, crc32: 0 })
  }

  /** The last mark within these bytes. @param bytes never fewer than the last time */
  upTo(bytes: number): PassedCheckpoint<Entry> {
    const open = this.#ahead.findIndex((addCheckpoint) => addCheckpoint.checkpoint.offset > bytes)
    const passed = this.#ahead.splice(0, open === -1 ? this.#ahead.length : open)
    this.#last = passed.at(-1) ?? this.#last
    return this.#last
  }
}
