/**
 * Remembers from which networks each user has logged in during the last day: failures of other users at the same
 * address, for example behind the same proxy, do not delay these logins. A restart forgets all of them.
 */
import { LRUCache } from 'lru-cache'

const TRUSTED_MS = 24 * 3_600_000
const MAX_TRUSTED = 10_000

export interface TrustedLogins {
  /** @param key names a user and a network */
  has(key: string): boolean
  add(key: string): void
}

export function createTrustedLogins(now: () => Date): TrustedLogins {
  const loginTimes = new LRUCache<string, number>({ max: MAX_TRUSTED })
  return {
    has(key) {
      const loginAt = loginTimes.get(key)
      return loginAt !== undefined && now().getTime() - loginAt < TRUSTED_MS
    },
    add: (key) => void loginTimes.set(key, now().getTime())
  }
}
