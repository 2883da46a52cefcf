/** Whether the depot can do its work, and if not, why. */

import { StorageError } from '../core/problems/storage-error.ts'
import type { ArchiveStorage } from '../core/storage/archive-storage.ts'
import type { StorageConfig } from '../core/storage/storage-config.ts'
import type { HealthCheck } from '../core/tasks/statistics.ts'
import type { RepositoryDirectory } from '../storage/disk/repository-directory.ts'
import { readVolumeSpace } from '../storage/disk/volume.ts'
import type { Database } from '../store/engine/database.ts'
import { SPACE_FLOOR_BYTES } from '../worker/runtime/repository-space.ts'
import type { Supervisor } from '../worker/runtime/supervisor.ts'

/** Where the depot keeps what is large. */
interface Locations {
  readonly archives: ArchiveStorage
  readonly repository: RepositoryDirectory
}

/** Reasons are visible to all callers: they name no paths. */
export async function checkHealth(
  db: Database,
  { dataDirectory }: Pick<StorageConfig, 'dataDirectory'>,
  { archives, repository }: Locations,
  worker: Supervisor
): Promise<HealthCheck[]> {
  const check = async (name: HealthCheck['name'], probe: () => Promise<string>): Promise<HealthCheck> => {
    const reason = await probe().catch(sentenceOf)
    return { name, isHealthy: reason === '', reason }
  }
  return Promise.all([
    check('database', async () => {
      await db.selectFrom('catalog').select('id').execute()
      return ''
    }),
    check('repository', async () => {
      await repository.check()
      return ''
    }),
    check('space', async () => {
      if (archives.isRemote) {
        await archives.check()
        const { freeBytes } = await readVolumeSpace(dataDirectory)
        return freeBytes < SPACE_FLOOR_BYTES ? `Only ${freeBytes} bytes are free for the database.` : ''
      }
      const freeBytes = await archives.freeBytes()
      return freeBytes < SPACE_FLOOR_BYTES ? `Only ${freeBytes} bytes are free for archives.` : ''
    }),
    check('worker', async () => {
      const missing = worker.parts().filter(({ isRunning }) => !isRunning)
      return missing.length === 0 ? '' : `Restarting: ${missing.map(({ name }) => name).join(', ')}.`
    })
  ])
}

function sentenceOf(error: unknown): string {
  if (error instanceof StorageError) return error.message
  return `${(error as NodeJS.ErrnoException).code ?? 'unknown error'}.`
}
