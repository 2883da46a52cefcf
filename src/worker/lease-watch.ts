/** Keeps the leases of this process alive, and takes those of processes that have gone. */
import type { LeaseSign, WorkStore } from '../store/work-store.ts'

/** How often the owner shows that it lives. */
export const BEAT_INTERVAL_MS = 5_000

/** A lease whose owner has shown nothing for so long is taken from it. */
export const LEASE_EXPIRY_MS = 30_000

export interface LeaseWatch {
  /** One round; to be called every `BEAT_INTERVAL_MS`. */
  beat(): Promise<void>
}

/**
 * What another owner shows is a count that grows, and how long it has stood still is measured here: so no clock that is set
 * forward or back, here or there, makes a lease older than it is.
 * @param clock milliseconds that only grow, such as `performance.now`
 */
export function createLeaseWatch(works: WorkStore, owner: string, clock: () => number): LeaseWatch {
  let seen = new Map<string, number>()

  return {
    async beat() {
      await works.beat(owner)
      const now = clock()
      const stillSeen = new Map<string, number>()
      for (const sign of await works.foreignLeases(owner)) {
        const since = seen.get(keyOf(sign)) ?? now
        if (now - since >= LEASE_EXPIRY_MS) await works.expire(sign)
        else stillSeen.set(keyOf(sign), since)
      }
      seen = stillSeen
    }
  }
}

const keyOf = ({ workId, token, beat }: LeaseSign) => `${workId} ${token} ${beat}`
