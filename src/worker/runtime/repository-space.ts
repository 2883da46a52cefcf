/** How many more bytes the repository can take. */
import type { CatalogReader } from '../../core/catalog/catalog.ts'
import type { WorkerSettings } from '../../core/storage/storage-config.ts'
import { readVolumeSpace } from '../../storage/disk/volume.ts'

/** Exports and imports leave this much of a volume free: below it the database would soon be out of space. */
export const SPACE_FLOOR_BYTES = 64 * 1024 * 1024

/** In bytes; may be negative. Reserved space counts as free. */
export async function freeRepositoryBytes(
  settings: Pick<WorkerSettings, 'repositoryDirectory' | 'allotmentBytes'>,
  catalog: Pick<CatalogReader, 'usedBytes'>
): Promise<number> {
  const { allotmentBytes, repositoryDirectory } = settings
  const { freeBytes } = await readVolumeSpace(repositoryDirectory)
  const space = freeBytes - SPACE_FLOOR_BYTES
  return allotmentBytes === undefined ? space : Math.min(space, allotmentBytes - (await catalog.usedBytes()))
}
