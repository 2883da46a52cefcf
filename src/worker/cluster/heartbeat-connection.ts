/**
 * The watch over the other servers, with a connection of its own: nothing that waits for a lock keeps a server from
 * showing that it lives.
 */

import type { WorkerSettings } from '../../core/storage/storage-config.ts'
import { createRepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import { createServerStore } from '../../store/cluster/server-store.ts'
import { openDepotDatabase } from '../../store/engine/database.ts'
import { createHeartbeat, type Heartbeat } from './heartbeat.ts'
import { recoverDeletions } from './recover-deletions.ts'

export interface HeartbeatConnection extends Heartbeat {
  /** Resolves when the last round has ended. */
  close(): Promise<void>
}

/**
 * @param keepsCheckpoints whether a server that is only held up can spoil nothing of the archives that others go on
 * with
 * @returns undefined where no other server can be
 */
export function connectHeartbeat(settings: WorkerSettings, keepsCheckpoints: boolean): HeartbeatConnection | undefined {
  const { databaseUrl, owner, node = '', archivesLocation = '' } = settings
  if (databaseUrl === undefined) return undefined
  // Not by the name of this server: who takes it for dead would cut off what shows that it is not.
  const db = openDepotDatabase({ ...settings, owner: undefined })
  const repository = createRepositoryDirectory(settings.repositoryDirectory)
  const watch = createHeartbeat({
    servers: createServerStore(db),
    self: { id: owner, node, archives: archivesLocation },
    evictionOf: (id) => ({
      keepsCheckpoints,
      recover: (trx) => recoverDeletions(trx, repository, (name) => name === id)
    }),
    clock: () => performance.now()
  })
  let round: Promise<void> | undefined

  return {
    /** One at a time: where one takes long, the next ones are left out. */
    async heartbeat() {
      if (round !== undefined) return
      round = watch.heartbeat().finally(() => {
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
