/** The watch over the other servers, with a connection of its own: nothing that waits for a lock keeps a server from showing that it lives. */
import { createRepositoryDirectory } from '../files/repository-directory.ts'
import { openDepotDatabase } from '../store/database.ts'
import { createServerStore } from '../store/server-store.ts'
import { recoverDeletions } from './recover-repository.ts'
import { createServerWatch, type ServerWatch } from './server-watch.ts'
import type { WorkerSettings } from './settings.ts'

export interface ServerWatching extends ServerWatch {
  /** Resolves when the last round has ended. */
  close(): Promise<void>
}

/**
 * @param keepsCheckpoints whether a server that is only held up can spoil nothing of the archives that others go on with
 * @returns undefined where no other server can be
 */
export function createServerWatching(settings: WorkerSettings, keepsCheckpoints: boolean): ServerWatching | undefined {
  const { databaseUrl, owner, node = '', archivesPlace = '' } = settings
  if (databaseUrl === undefined) return undefined
  // Not by the name of this server: who takes it for dead would cut off what shows that it is not.
  const db = openDepotDatabase({ ...settings, owner: undefined })
  const repository = createRepositoryDirectory(settings.repositoryDirectory)
  const watch = createServerWatch({
    servers: createServerStore(db),
    self: { id: owner, node, archives: archivesPlace },
    burialOf: (id) => ({
      keepsCheckpoints,
      recover: (trx) => recoverDeletions(trx, repository, (name) => name === id)
    }),
    clock: () => performance.now()
  })
  let round: Promise<void> | undefined

  return {
    /** One at a time: where one takes long, the next ones are left out. */
    async beat() {
      if (round !== undefined) return
      round = watch.beat().finally(() => {
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
