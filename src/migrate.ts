/** Brings the database to the newest schema, without starting the server. */
import fs from 'node:fs'
import { readConfig } from './config/config.ts'
import { migrateToLatest, openDepotDatabase } from './store/database.ts'
import { DatabaseUnusable } from './store/database-unusable.ts'

const { storage } = readConfig()
fs.mkdirSync(storage.dataDirectory, { recursive: true })
try {
  const db = openDepotDatabase(storage)
  const done = await migrateToLatest(db)
  await db.destroy()
  process.stdout.write(done.length === 0 ? 'The database is up to date.\n' : `Migrated: ${done.join(', ')}\n`)
} catch (error) {
  if (!(error instanceof DatabaseUnusable)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
