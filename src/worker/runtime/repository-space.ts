/** How much more the repository may hold. */
import type { CatalogReader } from '../../core/catalog/catalog.ts'
import type { WorkerSettings } from '../../core/storage/storage-config.ts'
import { readVolumeSpace } from '../../storage/disk/volume.ts'

/** Under this the database itself would soon have no room: exports and imports leave so much of a volume free. */
export const SPACE_FLOOR_BYTES = 64 * 1024 * 1024

/** Bytes, or less than none; what is reserved for somebody counts as free here. */
export async function freeRepositoryBytes(
  settings: Pick<WorkerSettings, 'repositoryDirectory' | 'allotmentBytes'>,
  catalog: Pick<CatalogReader, 'usedBytes'>
): Promise<number> {
  const { allotmentBytes, repositoryDirectory } = settings
  const { freeBytes } = await readVolumeSpace(repositoryDirectory)
  const space = freeBytes - SPACE_FLOOR_BYTES
  return allotmentBytes === undefined ? space : Math.min(space, allotmentBytes - (await catalog.usedBytes()))
}
