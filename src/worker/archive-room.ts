/** How much more may be written where the archives are. */
import { readVolumeSpace } from '../files/volume.ts'
import type { ArchiveStore } from '../store/archive-store.ts'
import { SPACE_FLOOR_BYTES } from './repository-room.ts'

/** Bytes, or less than none, beside what the exports will take that were accepted. */
export async function freeArchiveBytes(
  directory: string,
  archives: Pick<ArchiveStore, 'reservedBytes'>
): Promise<number> {
  const { freeBytes } = await readVolumeSpace(directory)
  return freeBytes - (await archives.reservedBytes()) - SPACE_FLOOR_BYTES
}
