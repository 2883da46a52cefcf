/** The archives of plans: their names, which exports share them, and how long they are kept. */
import type { Kysely } from 'kysely'
import type { Schema } from '../engine/schema.ts'
import { createArchiveNames } from './archive-names.ts'
import { createArchiveRetention } from './archive-retention.ts'
import { createArchiveSharing } from './archive-sharing.ts'

export type ArchiveStore = ReturnType<typeof createArchiveStore>

/** @param db the connection or a transaction */
export function createArchiveStore(db: Kysely<Schema>) {
  return { ...createArchiveNames(db), ...createArchiveSharing(db), ...createArchiveRetention(db) }
}
