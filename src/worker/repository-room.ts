/** How much more the repository may hold. */
import type { CatalogReader } from '../core/catalog.ts'
import type { RepositoryStorage } from '../core/repository-storage.ts'
import { readVolumeSpace } from '../files/volume.ts'
import { stagingDirectoryOf } from './open-repository.ts'
import type { WorkerSettings } from './settings.ts'

/** Under this the database itself would soon have no room: exports and imports leave so much of a volume free. */
export const SPACE_FLOOR_BYTES = 64 * 1024 * 1024

/** Bytes, or less than none; what is reserved for somebody counts as free here. */
export async function freeRepositoryBytes(
  repository: Pick<RepositoryStorage, 'isRemote' | 'size'>,
  settings: WorkerSettings,
  catalog: Pick<CatalogReader, 'usedBytes'>
): Promise<number> {
  const { allotmentBytes } = settings
  // What comes in is kept here first.
  const { freeBytes } = await (repository.isRemote ? readVolumeSpace(stagingDirectoryOf(settings)) : repository.size())
  const room = freeBytes - SPACE_FLOOR_BYTES
  return allotmentBytes === undefined ? room : Math.min(room, allotmentBytes - (await catalog.usedBytes()))
}
