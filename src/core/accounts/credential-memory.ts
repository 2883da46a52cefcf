/** Remembers which names and passwords were right, so that a polling program does not cost a hash per request. */
import { hash, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { KeptUser } from './user.ts'

const REMEMBERED_MS = 60_000
const MAX_REMEMBERED = 1_000
const KEY_BYTES = 32

export interface CredentialMemory {
  /** Identifies a name with a password, within this process only. */
  digestOf(userName: string, password: string): string
  /** Whether they were right within the last minute, and the user has not changed since. */
  knows(digest: string, user: KeptUser): boolean
  remember(digest: string, user: KeptUser): void
}

interface Remembered {
  readonly id: number
  readonly version: number
  readonly until: number
}

/** @param now milliseconds of a monotonic clock */
export function createCredentialMemory(now: () => number): CredentialMemory {
  const key = randomBytes(KEY_BYTES).toString('latin1')
  const known = new LRUCache<string, Remembered>({ max: MAX_REMEMBERED })
  return {
    // No HMAC, which takes fifty times as long in Node: it protects only against readers of the digests.
    digestOf: (userName, password) => hash('sha256', key + JSON.stringify([userName, password]), 'base64'),

    knows(digest, { id, version }) {
      const found = known.get(digest)
      return found !== undefined && found.until > now() && found.id === id && found.version === version
    },

    remember(digest, { id, version }) {
      known.set(digest, { id, version, until: now() + REMEMBERED_MS })
    }
  }
}
