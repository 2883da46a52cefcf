/** Counts what the worker does, from what its parts report. */
import { Counter, Histogram, type Registry } from 'prom-client'
import type { JobReport } from '../worker/runtime/worker-channel.ts'

/** Seconds. */
const RUN_BUCKETS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400]

/** @param isLive whether a piece of work still has to be done */
export function createWorkerMetrics(registry: Registry, isLive: (jobId: number) => Promise<boolean>) {
  const registers = [registry]
  const runs = new Histogram({
    name: 'fixdepot_run_duration_seconds',
    help: 'From the claim of a piece of work to the end of the run, by how it ended: completed, failed, dropped or interrupted.',
    labelNames: ['kind', 'result'],
    buckets: RUN_BUCKETS,
    registers
  })
  const leaseLosses = new Counter({
    name: 'fixdepot_lease_losses_total',
    help: 'Runs that were given up because another worker has the work.',
    labelNames: ['kind'],
    registers
  })
  const crashes = new Counter({
    name: 'fixdepot_worker_crashes_total',
    help: 'Parts of the worker that died and were restarted.',
    labelNames: ['part'],
    registers
  })
  const packed = new Counter({
    name: 'fixdepot_packed_bytes_total',
    help: 'Bytes of archives that were packed, and are on the disk to stay.',
    registers
  })
  /** When runs began, by their work. */
  const began = new Map<number, number>()
  // With these there is something to compare with before the first time.
  for (const kind of ['export', 'scan', 'import'] as const) leaseLosses.inc({ kind }, 0)
  for (const part of ['commands', 'export', 'catalog'] as const) crashes.inc({ part }, 0)

  return {
    onReport({ event, kind, jobId }: JobReport): void {
      if (event === 'started') {
        began.set(jobId, performance.now())
        return
      }
      const start = began.get(jobId)
      began.delete(jobId)
      if (start !== undefined) runs.observe({ kind, result: event }, (performance.now() - start) / 1000)
      if (event !== 'dropped') return
      // Canceled jobs are dropped too. If the state cannot be read, nothing is counted.
      isLive(jobId).then(
        (isLost) => isLost && leaseLosses.inc({ kind }),
        () => {}
      )
    },
    onPacked: (bytes: number): void => packed.inc(bytes),
    onCrash: (part: string): void => crashes.inc({ part })
  }
}
