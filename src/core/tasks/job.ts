/** Jobs of workers: their leases, and their durable progress. */
import type { Checkpoint } from '../../zip/checkpoints.ts'
import type { TaskKind } from './task.ts'

export type { Checkpoint } from '../../zip/checkpoints.ts'

export const FROM_THE_START: Checkpoint = { offset: 0, position: 0, crc32: 0 }

/** The right to write the state of a job; it is lost when there is a newer lease, or the job has ended. */
export interface Lease {
  readonly jobId: number
  /** Grows with every claim of the job. */
  readonly token: number
}

/** A job that a worker has claimed, with all that it needs to run it. */
export interface ClaimedJob extends Lease {
  readonly kind: TaskKind
  /** The oldest task that waits for it. */
  readonly taskId: number
  /** Of an export. */
  readonly planId: number | null
  readonly checkpoint: Checkpoint
  /** How many workers have died while they ran it. */
  readonly crashes: number
}

/** Another worker has the job now, or no task waits for it any more: the worker drops it. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost'

  constructor({ jobId, token }: Lease) {
    super(`The lease ${token} of job ${jobId} is lost`)
  }
}
