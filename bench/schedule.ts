/**
 * Calls at a fixed rate, whether or not those before have ended: a client that waits for each answer before it asks
 * again does not see how long others wait.
 */
export interface Schedule {
  readonly perSecond: number
  /** How long after now the first call is due. */
  readonly offsetMs?: number
  /** No call is made any more when this is true. @param calls that were made */
  isOver(calls: number): boolean
}

/** @param call is given the time at which it was due, of `performance.now()` */
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
