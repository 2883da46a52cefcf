/** What workers do: pieces of work, who holds them, and how far they are on the disk. */
import type { TaskKind } from './task.ts'

/** Up to where an archive is on the disk to stay, and what is needed to go on from there. */
export interface Checkpoint {
  /** Bytes of the archive that are there. */
  readonly offset: number
  /** The entry that the next byte belongs to; as many as there are entries: the central directory. */
  readonly position: number
  /** CRC-32 of the part of that entry's content that is there. */
  readonly crc32: number
}

export const FROM_THE_START: Checkpoint = { offset: 0, position: 0, crc32: 0 }

/** The right to write about a piece of work; it is lost as soon as there is a newer one, or the work has ended. */
export interface Lease {
  readonly jobId: number
  /** Grows with every claim of the work. */
  readonly token: number
}

/** Work that a worker has claimed, with what it needs to do it. */
export interface ClaimedJob extends Lease {
  readonly kind: TaskKind
  /** The oldest task that waits for it. */
  readonly taskId: number
  /** Of an export. */
  readonly planId: number | null
  readonly checkpoint: Checkpoint
  /** How many workers have died of it. */
  readonly crashes: number
}

/** Somebody else has the work now, or nobody waits for it any more: whoever did it drops it. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost'

  constructor({ jobId, token }: Lease) {
    super(`The lease ${token} of work ${jobId} is lost`)
  }
}

/**
 * `pending`: the archive is to be packed. `kept`: it is there. `gone`: it was there. `none`: it will never be.
 * `streamed`: it is generated from the repository for each download. Of the plans with one digest, at most one is
 * pending or kept.
 */
export type ArchiveState = 'pending' | 'kept' | 'gone' | 'none' | 'streamed'
