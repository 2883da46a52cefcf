import fs from 'node:fs'
import type { StorageConfig } from '../core/storage/storage-config.ts'
import { openDepotDatabase } from '../store/engine/database.ts'
import { migrateToLatest } from '../store/engine/migrations.ts'

/**
 * Upgrades the database to the newest schema without starting the server. Creates it if it does not exist.
 * @returns the names of the migrations that were applied
 * @throws DatabaseUnusable
 */
export async function migrateDatabase(storage: StorageConfig): Promise<string[]> {
  fs.mkdirSync(storage.dataDirectory, { recursive: true })
  const db = openDepotDatabase(storage)
  try {
    return await migrateToLatest(db)
  } finally {
    await db.destroy()
  }
}
