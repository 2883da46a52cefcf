/**
 * A process that scans and dies at once, as at a power failure. Arguments: database, repository, and where: `reading`
 * after the first page of files is indexed, `publishing` when all packages are found.
 */

import { METADATA_SUFFIXES, READER_VERSION } from '../../../src/metadata/metadata-file.ts'
import { createRepositoryDirectory } from '../../../src/storage/disk/repository-directory.ts'
import { openDatabase } from '../../../src/store/engine/database.ts'
import { createScanStore } from '../../../src/store/scan/scan-store.ts'
import { scanRepository } from '../../../src/worker/scan/scan-repository.ts'
import { threadlessPool } from '../depot.ts'

const [file = '', directory = '', where] = process.argv.slice(2)

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('It is dead')
}

await scanRepository({
  repository: createRepositoryDirectory(directory),
  store: createScanStore(openDatabase({ file }), READER_VERSION, METADATA_SUFFIXES),
  pool: threadlessPool,
  now: () => (where === 'publishing' ? die() : new Date()),
  onTotals: async () => {},
  onProgress: () => {
    if (where === 'reading') die()
  },
  signal: new AbortController().signal
})
