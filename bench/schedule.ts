/**
 * Calls at a fixed rate, even if earlier calls have not ended: a client that waits for each response before the next
 * request hides the waiting time of other clients.
 */
export interface Schedule {
  readonly perSecond: number
  /** Time from now to the first call. */
  readonly offsetMs?: number
  /** Ends the calls when it returns true. @param calls that were made */
  isOver(calls: number): boolean
}

/** @param call gets its due time, as `performance.now()` */
export async function onSchedule(
  schedule: Schedule,
  call: (due: number, index: number) => Promise<void>
): Promise<void> {
  const { perSecond, offsetMs = 0, isOver } = schedule
  const interval = 1000 / perSecond
  const started = performance.now() + offsetMs
  let count = 0
  const calls = new Set<Promise<void>>()
  await new Promise<void>((resolve, reject) => {
    const tick = () => {
      const now = performance.now() - started
      for (; !isOver(count) && count * interval <= now; count += 1) {
        const made = call(started + count * interval, count)
        calls.add(made)
        made.then(() => calls.delete(made), reject)
      }
      if (isOver(count)) resolve()
      else setTimeout(tick, count * interval - now)
    }
    tick()
  })
  await Promise.all(calls)
}
