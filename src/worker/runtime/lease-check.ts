/** Aborts the running job when its lease is lost: the job was canceled, or another worker has it. */
import { type ClaimedJob, LeaseLost } from '../../core/tasks/job.ts'
import type { JobStore } from '../../store/tasks/job-store.ts'

export interface LeaseCheck {
  /** Begins to check the lease of this job. @returns a function that ends the checks */
  start(job: ClaimedJob, abort: AbortController): () => void
  /** Checks the lease of the running job, if there is one. */
  check(): Promise<void>
}

export interface LeaseCheckOptions {
  readonly jobs: Pick<JobStore, 'isHeld'>
  /** In milliseconds; undefined: leases are checked only when `check` is called. */
  readonly intervalMs: number | undefined
  readonly isTransient: (error: unknown) => boolean
}

export function createLeaseCheck({ jobs, intervalMs, isTransient }: LeaseCheckOptions): LeaseCheck {
  let running: { readonly job: ClaimedJob; readonly abort: AbortController } | undefined

  async function check(): Promise<void> {
    if (running === undefined) return
    const { job, abort } = running
    const isHeld = await jobs.isHeld(job).catch((error) => {
      // The next statement with this lease detects the loss.
      if (isTransient(error)) return true
      throw error
    })
    if (!isHeld) abort.abort(new LeaseLost(job))
  }

  return {
    check,
    start(job, abort) {
      running = { job, abort }
      const timer = intervalMs === undefined ? undefined : checkRegularly(check, intervalMs)
      return () => {
        clearInterval(timer)
        running = undefined
      }
    }
  }
}

/** One check at a time: while the database is slow, the next ones are skipped. */
function checkRegularly(check: () => Promise<void>, intervalMs: number): NodeJS.Timeout {
  let isChecking = false
  const checkOnce = async () => {
    if (isChecking) return
    isChecking = true
    await check()
    isChecking = false
  }
  return setInterval(checkOnce, intervalMs).unref()
}
