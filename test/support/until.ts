import { setTimeout as delay } from 'node:timers/promises'

/** Long, because only a failing test waits until it ends: a machine may be slow, and busy with another file. */
const WAIT_MS = 120_000
const POLL_MS = 10

/**
 * Asks until it holds; for what nobody tells of by an event.
 * @param what is waited for, also as it stands at the end
 */
export async function until(
  what: string | (() => string),
  holds: () => boolean | Promise<boolean>,
  waitMs: number = WAIT_MS
): Promise<void> {
  const end = Date.now() + waitMs
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`Waited in vain until ${typeof what === 'string' ? what : what()}`)
    await delay(POLL_MS)
  }
}
