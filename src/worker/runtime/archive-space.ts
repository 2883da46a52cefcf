/** How much more may be written into the data directory. */
import path from 'node:path'
import type { WorkerSettings } from '../../core/storage/worker-settings.ts'
import { readVolumeSpace } from '../../storage/disk/volume.ts'
import type { ArchiveStore } from '../../store/tasks/archive-store.ts'
import { SPACE_FLOOR_BYTES } from './repository-space.ts'

/** Bytes, or less than none, beside what the exports will take that were accepted, if they take it there. */
export async function freeDataBytes(
  { archivesDirectory, archivesBucket, databaseFile }: WorkerSettings,
  archives: Pick<ArchiveStore, 'reservedBytes'>
): Promise<number> {
  if (archivesBucket !== undefined) {
    const { freeBytes } = await readVolumeSpace(path.dirname(databaseFile))
    return freeBytes - SPACE_FLOOR_BYTES
  }
  const { freeBytes } = await readVolumeSpace(archivesDirectory)
  return freeBytes - (await archives.reservedBytes()) - SPACE_FLOOR_BYTES
}
