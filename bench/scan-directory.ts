/**
 * A process that scans a repository into a database as the scan thread does. Arguments: repository, database; a
 * missing database is created before the measurement.
 */

import { METADATA_SUFFIXES, READER_VERSION } from '../src/metadata/metadata-file.ts'
import { createRepositoryDirectory } from '../src/storage/disk/repository-directory.ts'
import { openDatabase } from '../src/store/engine/database.ts'
import { migrateToLatest } from '../src/store/engine/migrations.ts'
import { createScanStore } from '../src/store/scan/scan-store.ts'
import { createFileReaderPool } from '../src/worker/scan/file-reader-pool.ts'
import { type ScanResult, scanRepository } from '../src/worker/scan/scan-repository.ts'
import { timeWork } from './time-work.ts'

/** The output of the process. */
export interface ScanRun extends ScanResult {
  readonly seconds: number
}

const [directory = '', file = ''] = process.argv.slice(2)
const db = openDatabase({ file })
await migrateToLatest(db)
const pool = createFileReaderPool()
await timeWork(() =>
  scanRepository({
    repository: createRepositoryDirectory(directory),
    store: createScanStore(db, READER_VERSION, METADATA_SUFFIXES),
    pool,
    now: () => new Date(),
    onTotals: async () => {},
    onProgress: () => {},
    signal: new AbortController().signal
  })
)
await pool.close()
await db.destroy()
