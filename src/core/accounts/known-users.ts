/** Remembers users and tokens for two seconds, so that polls do not read them from the database each time. */
import { LRUCache } from 'lru-cache'
import type { KeptToken, KeptUser, UserReader } from './user.ts'

/**
 * The delay after which changes by another process, such as the command line, are seen here. Changes by this process
 * are seen at once.
 */
const REMEMBERED_MS = 2_000

const MAX_REMEMBERED = 1_000

export interface KnownUsers {
  /** A reader that remembers. */
  readonly reader: UserReader
  /** To be called when a user or a token has changed. */
  forget(): void
}

/** @param now milliseconds of a monotonic clock */
export function rememberUsers(reader: UserReader, now: () => number): KnownUsers {
  const users = createMemory<KeptUser>((name) => reader.findUser(name), now)
  const tokens = createMemory<KeptToken>((id) => reader.findToken(id), now)

  function forget(): void {
    users.forget()
    tokens.forget()
  }

  return {
    forget,
    reader: { ...reader, findUser: users.find, findToken: tokens.find }
  }
}

interface Memory<Value> {
  find(key: string): Promise<Value | undefined>
  forget(): void
}

/** Unknown keys are not remembered: invented names cannot fill the cache. */
function createMemory<Value>(read: (key: string) => Promise<Value | undefined>, now: () => number): Memory<Value> {
  const known = new LRUCache<string, { readonly value: Value; readonly until: number }>({ max: MAX_REMEMBERED })
  /** Grows with each `forget`: values that were read before are not remembered. */
  let generation = 0
  return {
    async find(key) {
      const remembered = known.get(key)
      if (remembered !== undefined && remembered.until > now()) return remembered.value
      const since = generation
      const value = await read(key)
      known.delete(key)
      if (value === undefined || since !== generation) return value
      known.set(key, { value, until: now() + REMEMBERED_MS })
      return value
    },
    forget() {
      generation += 1
      known.clear()
    }
  }
}
