/** Shows the other servers that this one lives, and takes the work of those that have gone. */

import type { ServerTable } from '../store/schema.ts'
import type { ServerSign, ServerStore } from '../store/server-store.ts'

/** How often a server shows that it lives. */
export const BEAT_INTERVAL_MS = 3_000

/** A server that has shown nothing for so many rounds has gone. */
export const PATIENCE_ROUNDS = 5

export interface ServerWatch {
  /** One round; to be called every `BEAT_INTERVAL_MS`. */
  beat(): Promise<void>
}

export interface ServerWatchOptions {
  readonly servers: Pick<ServerStore, 'beat' | 'foreignSigns' | 'bury'>
  readonly self: Omit<ServerTable, 'beat'>
  readonly burialOf: (id: string) => Parameters<ServerStore['bury']>[1]
  /** Told of a server whose work was taken. */
  readonly onBuried?: (id: string) => void
  /** Milliseconds that only grow, such as `performance.now`. */
  readonly clock: () => number
}

/**
 * What another server shows is a count that grows, and what counts here are rounds in which it stood still: so no clock that is set
 * forward or back, here, there or in the database, makes a server older than it is, and a database that was away takes nobody's life.
 */
export function createServerWatch(options: ServerWatchOptions): ServerWatch {
  const { servers, self, burialOf, onBuried, clock } = options
  let seen = new Map<string, number>()
  let countedAt = Number.NEGATIVE_INFINITY

  return {
    async beat() {
      await servers.beat(self)
      const now = clock()
      // Rounds that come late come close together, and say nothing.
      const isCounted = now - countedAt >= BEAT_INTERVAL_MS / 2
      if (isCounted) countedAt = now
      const stillSeen = new Map<string, number>()
      for (const sign of await servers.foreignSigns(self.id)) {
        const rounds = (seen.get(keyOf(sign)) ?? 0) + Number(isCounted)
        if (rounds <= PATIENCE_ROUNDS) stillSeen.set(keyOf(sign), rounds)
        else if (await servers.bury(sign, burialOf(sign.id))) onBuried?.(sign.id)
      }
      seen = stillSeen
    }
  }
}

const keyOf = ({ id, beat }: ServerSign) => `${id} ${beat}`
