import { setTimeout as delay } from 'node:timers/promises'

/** Long, because only a failing test waits for all of it, and the machine may be slow or busy. */
const WAIT_MS = 120_000
const POLL_MS = 10

/**
 * Polls until the condition holds; for conditions without an event.
 * @param what describes the condition in the error of a timeout; a function is called at the timeout
 */
export async function until(
  what: string | (() => string),
  holds: () => boolean | Promise<boolean>,
  waitMs: number = WAIT_MS
): Promise<void> {
  const end = Date.now() + waitMs
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`Timed out waiting until ${typeof what === 'string' ? what : what()}`)
    await delay(POLL_MS)
  }
}
