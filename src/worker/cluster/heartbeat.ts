/** Shows the other servers that this one lives, and takes the work of those that have gone. */

import type { PeerHeartbeat, ServerStore } from '../../store/cluster/server-store.ts'
import type { ServerTable } from '../../store/engine/schema.ts'

/** How often a server shows that it lives. */
export const HEARTBEAT_INTERVAL_MS = 3_000

/** A server that has shown nothing for so many rounds has gone. */
export const MISSED_HEARTBEATS = 5

export interface Heartbeat {
  /** One round; to be called every `BEAT_INTERVAL_MS`. */
  heartbeat(): Promise<void>
}

export interface HeartbeatOptions {
  readonly servers: Pick<ServerStore, 'heartbeat' | 'peerHeartbeats' | 'evict'>
  readonly self: Omit<ServerTable, 'heartbeat'>
  readonly evictionOf: (id: string) => Parameters<ServerStore['evict']>[1]
  /** Told of a server whose work was taken. */
  readonly onEvicted?: (id: string) => void
  /** Milliseconds that only grow, such as `performance.now`. */
  readonly clock: () => number
}

/**
 * What another server shows is a count that grows, and what counts here are rounds in which it stood still: so no clock
 * that is set forward or back, here, there or in the database, makes a server older than it is, and a database that was
 * away takes nobody's life.
 */
export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { servers, self, evictionOf, onEvicted, clock } = options
  let seen = new Map<string, number>()
  let countedAt = Number.NEGATIVE_INFINITY

  return {
    async heartbeat() {
      await servers.heartbeat(self)
      const now = clock()
      // Rounds that come late come close together, and say nothing.
      const isCounted = now - countedAt >= HEARTBEAT_INTERVAL_MS / 2
      if (isCounted) countedAt = now
      const stillSeen = new Map<string, number>()
      for (const sign of await servers.peerHeartbeats(self.id)) {
        const rounds = (seen.get(keyOf(sign)) ?? 0) + Number(isCounted)
        if (rounds <= MISSED_HEARTBEATS) stillSeen.set(keyOf(sign), rounds)
        else if (await servers.evict(sign, evictionOf(sign.id))) onEvicted?.(sign.id)
      }
      seen = stillSeen
    }
  }
}

const keyOf = ({ id, heartbeat }: PeerHeartbeat) => `${id} ${heartbeat}`
