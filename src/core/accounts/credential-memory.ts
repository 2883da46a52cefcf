/** Remembers which names and passwords have been checked, so that a program that polls costs no hash each time. */
import { hash, randomBytes } from 'node:crypto'
import type { KeptUser } from './user.ts'

const REMEMBERED_MS = 60_000
const MAX_REMEMBERED = 1_000
const KEY_BYTES = 32

export interface CredentialMemory {
  /** Stands for a name and a password, in this process and no other. */
  digestOf(userName: string, password: string): string
  /** Whether they were right not long ago, and are still this user's. */
  knows(digest: string, user: KeptUser): boolean
  remember(digest: string, user: KeptUser): void
}

/** @param now milliseconds of a clock that nobody sets */
export function createCredentialMemory(now: () => number): CredentialMemory {
  const key = randomBytes(KEY_BYTES).toString('latin1')
  const known = new Map<string, { readonly id: number; readonly version: number; readonly until: number }>()
  return {
    // No HMAC, which takes fifty times as long in Node: what it would be safe from needs somebody who sees digests.
    digestOf: (userName, password) => hash('sha256', key + JSON.stringify([userName, password]), 'base64'),

    knows(digest, { id, version }) {
      const found = known.get(digest)
      return found !== undefined && found.until > now() && found.id === id && found.version === version
    },

    remember(digest, { id, version }) {
      known.delete(digest)
      // The first one is the oldest.
      const [oldest] = known.keys()
      if (known.size >= MAX_REMEMBERED && oldest !== undefined) known.delete(oldest)
      known.set(digest, { id, version, until: now() + REMEMBERED_MS })
    }
  }
}
