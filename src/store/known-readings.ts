import type { Kysely } from 'kysely'
import type { KnownReadings } from '../core/repository-storage.ts'
import { chunks } from './chunks.ts'
import type { Schema } from './schema.ts'

/** What was last read of files, for those who only have their paths. */
export function createKnownReadings(db: Kysely<Schema>): KnownReadings {
  return async (paths) => {
    const known = new Map<string, { stamp: string; sha256: string }>()
    for (const part of chunks(paths)) {
      const rows = await db
        .selectFrom('file_reading')
        .select(['path', 'stamp', 'sha256'])
        .where('path', 'in', part)
        .execute()
      for (const { path, ...reading } of rows) known.set(path, reading)
    }
    return known
  }
}
