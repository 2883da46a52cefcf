/** The heartbeats of this server on a connection of their own: a lock on another connection cannot delay them. */

import type { WorkerSettings } from '../../core/storage/storage-config.ts'
import { createRepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import { createServerStore } from '../../store/cluster/server-store.ts'
import { openDepotDatabase } from '../../store/engine/database.ts'
import { createHeartbeat, type Heartbeat } from './heartbeat.ts'
import { recoverDeletions } from './recover-deletions.ts'

export interface HeartbeatConnection extends Heartbeat {
  /** Closes the connection after the current round. */
  close(): Promise<void>
}

/**
 * @param keepsCheckpoints whether an evicted server that is still alive cannot damage the archives that its peers
 * continue
 * @returns undefined where no peers are possible
 */
export function connectHeartbeat(settings: WorkerSettings, keepsCheckpoints: boolean): HeartbeatConnection | undefined {
  const { databaseUrl, owner, node = '', archivesLocation = '' } = settings
  if (databaseUrl === undefined) return undefined
  // Without the owner in its name: a peer that evicts this server terminates the connections that have it, and this
  // connection must stay, to show that the server is alive.
  const db = openDepotDatabase({ ...settings, owner: undefined })
  const repository = createRepositoryDirectory(settings.repositoryDirectory)
  const heartbeat = createHeartbeat({
    servers: createServerStore(db),
    self: { id: owner, node, archives: archivesLocation },
    evictionFor: (id) => ({
      keepsCheckpoints,
      recover: (trx) => recoverDeletions(trx, repository, (name) => name === id)
    }),
    clock: () => performance.now()
  })
  let round: Promise<void> | undefined

  return {
    /** One round at a time: while one is slow, the next ones are skipped. */
    async beat() {
      if (round !== undefined) return
      round = heartbeat.beat().finally(() => {
        round = undefined
      })
      await round
    },
    async close() {
      await round?.catch(() => {})
      await db.destroy()
    }
  }
}
