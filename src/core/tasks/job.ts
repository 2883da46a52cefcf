/** What workers do: pieces of work, who holds them, and how far they are on the disk. */
import type { Checkpoint } from '../../zip/checkpoints.ts'
import type { TaskKind } from './task.ts'

export type { Checkpoint } from '../../zip/checkpoints.ts'

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
