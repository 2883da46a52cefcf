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
import { createProgressRecorder } from './progress-recorder.ts'
import { createReadingPool } from './reading-pool.ts'
import { scanRepository } from './scan-repository.ts'

hostLane(processPort(), 'scan', 'end', ({ settings, db, works }) => {
  const store = createScanStore(db, READER_VERSION, METADATA_SUFFIXES)
  const pool = createReadingPool()
  return {
    async run(work, signal) {
      const recorder = createProgressRecorder((progress) => works.saveProgress(work, progress))
      try {
        const result = await scanRepository({
          directory: settings.repositoryDirectory,
          store,
          pool,
          now: () => new Date(),
          onTotals: (bytes) => works.saveTotals(work, 0, bytes),
          onProgress: (bytesDone) => recorder.record({ packagesDone: 0, bytesDone }),
          signal
        })
        await works.saveTotals(work, result.packageCount, result.bytesRead)
        return OPERATION_SUCCEEDED
      } catch (error) {
        throw toTaskFailure(error)
      } finally {
        await recorder.end()
      }
    },
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
