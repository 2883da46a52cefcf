/** How much more may be written into the data directory. */
import path from 'node:path'
import { readVolumeSpace } from '../files/volume.ts'
import type { ArchiveStore } from '../store/archive-store.ts'
import { SPACE_FLOOR_BYTES } from './repository-room.ts'
import type { WorkerSettings } from './settings.ts'

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
