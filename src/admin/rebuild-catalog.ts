/** `fixdepot doctor --rebuild`: builds the catalog from the files again, while no server runs. */
import fs from 'node:fs'
import { Refusal } from '../core/problems/refusal.ts'
import { reasonOf } from '../core/problems/system-error.ts'
import type { StorageConfig } from '../core/storage/storage-config.ts'
import { METADATA_SUFFIXES, READER_VERSION } from '../metadata/metadata-file.ts'
import { refuseIfServersRun } from '../server/join-cluster.ts'
import { createRepositoryDirectory, type RepositoryDirectory } from '../storage/disk/repository-directory.ts'
import { createServerStore } from '../store/cluster/server-store.ts'
import { type Database, type DatabaseLocation, openDepotDatabase } from '../store/engine/database.ts'
import { lockDatabase } from '../store/engine/database-lock.ts'
import { acquireInstanceLock, lockFileIn } from '../store/engine/instance-lock.ts'
import { migrateToLatest } from '../store/engine/migrations.ts'
import { emptyCatalog } from '../store/maintenance/empty-catalog.ts'
import { createScanStore } from '../store/scan/scan-store.ts'
import { createFileReaderPool } from '../worker/scan/file-reader-pool.ts'
import { type ScanResult, scanRepository } from '../worker/scan/scan-repository.ts'

/**
 * Deletes the file index and the catalog, and reads all files again. Tasks and archives stay. After an interruption,
 * the files that were read stay indexed: the next start of the server continues from there.
 * @throws Refusal, InstanceLocked while a server runs, DatabaseUnusable
 */
export async function rebuildCatalog(
  storage: DatabaseLocation & Pick<StorageConfig, 'dataDirectory' | 'repositoryDirectory'>
): Promise<ScanResult> {
  const { databaseFile, databaseUrl, repositoryDirectory } = storage
  // Checked first: an empty catalog would be worse than an old one.
  const repository = createRepositoryDirectory(repositoryDirectory)
  await repository.check().catch((cause) => {
    throw new Refusal(`The repository directory ${repositoryDirectory} cannot be read: ${reasonOf(cause)}.`, { cause })
  })
  if (databaseUrl === undefined && !fs.existsSync(databaseFile))
    throw new Refusal(`There is no database at ${databaseFile}.`)
  const lock = acquireInstanceLock(lockFileIn(storage.dataDirectory))
  const databaseLock = databaseUrl === undefined ? undefined : await lockDatabase(databaseUrl)
  try {
    const db = openDepotDatabase(storage)
    try {
      await migrateToLatest(db)
      if (databaseUrl !== undefined) await refuseIfServersRun(createServerStore(db))
      await emptyCatalog(db)
      return await readAll(db, repository)
    } finally {
      await db.destroy()
    }
  } finally {
    databaseLock?.release()
    lock.release()
  }
}

async function readAll(db: Database, repository: RepositoryDirectory): Promise<ScanResult> {
  const pool = createFileReaderPool()
  try {
    return await scanRepository({
      repository,
      store: createScanStore(db, READER_VERSION, METADATA_SUFFIXES),
      pool,
      now: () => new Date(),
      onTotals: async () => {},
      onProgress: () => {},
      signal: new AbortController().signal
    })
  } finally {
    await pool.close()
  }
}
