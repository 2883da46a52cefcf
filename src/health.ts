/** Whether the depot can do its work, and if not, why. */
import type { ArchiveStorage } from './core/archive-storage.ts'
import { StorageTrouble } from './core/archive-trouble.ts'
import type { HealthCheck } from './core/catalog.ts'
import type { StorageConfig } from './core/storage-config.ts'
import type { RepositoryDirectory } from './files/repository-directory.ts'
import { readVolumeSpace } from './files/volume.ts'
import type { Depot as Database } from './store/database.ts'
import { SPACE_FLOOR_BYTES } from './worker/repository-room.ts'
import type { Supervisor } from './worker/supervisor.ts'

/** Where the depot keeps what is large. */
interface Places {
  readonly archives: ArchiveStorage
  readonly repository: RepositoryDirectory
}

/** Reasons are for everybody who may ask: they name no paths. */
export async function checkHealth(
  db: Database,
  { dataDirectory }: Pick<StorageConfig, 'dataDirectory'>,
  { archives, repository }: Places,
  worker: Supervisor
): Promise<HealthCheck[]> {
  const check = async (name: HealthCheck['name'], look: () => Promise<string>): Promise<HealthCheck> => {
    const reason = await look().catch(sentenceOf)
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
      return missing.length === 0 ? '' : `Being started anew: ${missing.map(({ name }) => name).join(', ')}.`
    })
  ])
}

function sentenceOf(error: unknown): string {
  if (error instanceof StorageTrouble) return error.message
  return `${(error as NodeJS.ErrnoException).code ?? 'unknown error'}.`
}
