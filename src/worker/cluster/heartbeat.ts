/** Sends the heartbeats of this server to its peers, and takes over the jobs of dead peers. */

import type { PeerHeartbeat, ServerStore } from '../../store/cluster/server-store.ts'
import type { ServerTable } from '../../store/engine/schema.ts'

/** Between two heartbeats. */
export const HEARTBEAT_INTERVAL_MS = 3_000

/** A peer is dead after this number of rounds without a new heartbeat. */
export const MISSED_HEARTBEATS = 5

export interface Heartbeat {
  /** One round: sends a heartbeat, and evicts dead peers. To be called every `HEARTBEAT_INTERVAL_MS`. */
  beat(): Promise<void>
}

export interface HeartbeatOptions {
  readonly servers: Pick<ServerStore, 'heartbeat' | 'peerHeartbeats' | 'evict'>
  readonly self: Omit<ServerTable, 'heartbeat'>
  /** How the peer of this id is evicted. */
  readonly evictionFor: (id: string) => Parameters<ServerStore['evict']>[1]
  /** Called after the jobs of this peer were taken over. */
  readonly onEvicted?: (id: string) => void
  /** Monotonic, in milliseconds, such as `performance.now`. */
  readonly clock: () => number
}

/**
 * A heartbeat is a counter. A peer is dead after `MISSED_HEARTBEATS` rounds of this server in which its counter did not
 * grow. No timestamps are compared, so neither clock changes nor an outage of the database can evict a live server.
 */
export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { servers, self, evictionFor, onEvicted, clock } = options
  let missedRounds = new Map<string, number>()
  let countedAt = Number.NEGATIVE_INFINITY

  return {
    async beat() {
      await servers.heartbeat(self)
      const now = clock()
      // Delayed rounds follow each other closely: a peer could not send a heartbeat between them.
      const isCounted = now - countedAt >= HEARTBEAT_INTERVAL_MS / 2
      if (isCounted) countedAt = now
      const stillMissed = new Map<string, number>()
      for (const peer of await servers.peerHeartbeats(self.id)) {
        const rounds = (missedRounds.get(keyOf(peer)) ?? 0) + Number(isCounted)
        if (rounds <= MISSED_HEARTBEATS) stillMissed.set(keyOf(peer), rounds)
        else if (await servers.evict(peer, evictionFor(peer.id))) onEvicted?.(peer.id)
      }
      missedRounds = stillMissed
    }
  }
}

const keyOf = ({ id, heartbeat }: PeerHeartbeat) => `${id} ${heartbeat}`
