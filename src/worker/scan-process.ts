/**
 * The process that reads the repository into the catalog. It is there only while there is something to read: what a scan
 * needs of memory goes back to the system with it, and metadata that would take too much of it takes no server down.
 */
import { OPERATION_SUCCEEDED, taskFailed } from '../core/message.ts'
import { METADATA_SUFFIXES, READER_VERSION } from '../metadata/metadata-file.ts'
import { createScanStore } from '../store/scan-store.ts'
import { TaskFailure } from './lane.ts'
import { hostLane } from './lane-host.ts'
import { processPort } from './lane-port.ts'
import { createReadingPool } from './reading-pool.ts'
import { scanRepository } from './scan-repository.ts'

hostLane(processPort(), 'scan', 'end', ({ settings, db, tasks }) => {
  const store = createScanStore(db, READER_VERSION, METADATA_SUFFIXES)
  const pool = createReadingPool()
  return {
    async run({ task, signal, onProgress }) {
      const result = await scanRepository({
        directory: settings.repositoryDirectory,
        store,
        pool,
        now: () => new Date(),
        onTotals: (bytes) => tasks.saveTotals(task.id, 0, bytes),
        onProgress: (bytesDone) => onProgress({ packagesDone: 0, bytesDone }),
        signal
      }).catch((error) => {
        throw toTaskFailure(error)
      })
      await tasks.saveTotals(task.id, result.packageCount, result.bytesRead)
      return OPERATION_SUCCEEDED
    },
    giveUp() {},
    close: () => pool.close()
  }
})

function toTaskFailure(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code
  if (!['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EIO', 'ESTALE'].includes(code ?? '')) return error
  return new TaskFailure(
    taskFailed(
      `The repository directory cannot be read: ${code}. The catalog stays as it was.`,
      'Check that the directory exists, is mounted, and can be read by the server; then repeat the request.'
    ),
    error
  )
}
