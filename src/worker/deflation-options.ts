import type { Kysely } from 'kysely'
import { createDeflatedFiles } from '../files/deflated-files.ts'
import { createArchiveStore } from '../store/archive-store.ts'
import { createDeflationStore } from '../store/deflation-store.ts'
import type { ScanSchema } from '../store/scan-schema.ts'
import { freeDataBytes } from './archive-room.ts'
import type { DeflationOptions } from './deflate-files.ts'
import type { DeflatingPool } from './deflating-pool.ts'
import type { LaneContext } from './lane-host.ts'

/** How the scans of a lane deflate, as its settings say. */
export function deflationOptions(
  { settings, db }: Pick<LaneContext, 'settings' | 'db'>,
  pool: DeflatingPool
): DeflationOptions {
  const store = createDeflationStore(db as unknown as Kysely<ScanSchema>)
  const archives = createArchiveStore(db)
  return {
    store,
    pool,
    files: createDeflatedFiles(settings.deflatedDirectory),
    mode: settings.compression,
    hasOthers: settings.databaseUrl !== undefined,
    async roomBytes() {
      const allowed = settings.deflatedBytes - (await store.usedBytes())
      return Math.min(allowed, await freeDataBytes(settings, archives))
    }
  }
}
