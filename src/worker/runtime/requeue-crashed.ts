/** Puts the job of a worker that died back into the queue. */
import { setTimeout as delay } from 'node:timers/promises'
import { isRetryable } from '../../core/problems/database-error.ts'
import type { JobStore } from '../../store/tasks/job-store.ts'
import type { RunningJob } from './worker-slot.ts'

const RETRY_DELAY_MS = 1_000

export interface CrashedWorker {
  /** The server that holds the leases. */
  readonly owner: string
  /** Undefined: the worker may have claimed a job and died before it reported it. */
  readonly job: RunningJob | undefined
  /** The jobs of the other workers. Other jobs with a lease of this server belong to no worker. */
  readonly otherJobs: () => readonly number[]
}

/** Retries while the database is unavailable: otherwise the job would be running forever. */
export async function requeueCrashed(jobs: JobStore, crashed: CrashedWorker, stopping: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await requeue(jobs, crashed)
    } catch (error) {
      if (stopping.aborted || !isRetryable(error)) throw error
    }
    await delay(RETRY_DELAY_MS, undefined, { ref: false })
  }
}

function requeue(jobs: JobStore, { owner, job, otherJobs }: CrashedWorker): Promise<void> {
  return job === undefined ? jobs.requeueUnreported(owner, otherJobs()) : jobs.requeueCrashed(job.jobId, owner)
}
