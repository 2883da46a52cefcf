/** How scans are done. */
import { OPERATION_SUCCEEDED, taskFailed } from '../core/message.ts'
import type { RepositoryDirectory } from '../files/repository-directory.ts'
import { METADATA_SUFFIXES, READER_VERSION } from '../metadata/metadata-file.ts'
import { createScanStore } from '../store/scan-store.ts'
import { TaskFailure } from './lane.ts'
import type { LaneContext, PreparedLane } from './lane-host.ts'
import { createProgressRecorder } from './progress-recorder.ts'
import type { ReadingPool } from './reading-pool.ts'
import { scanRepository } from './scan-repository.ts'

export function createScanLane({
  db,
  works,
  repository,
  pool
}: LaneContext & {
  repository: RepositoryDirectory
  pool: ReadingPool
}): PreparedLane['run'] {
  const store = createScanStore(db, READER_VERSION, METADATA_SUFFIXES)
  return async (work, signal) => {
    const recorder = createProgressRecorder((progress) => works.saveProgress(work, progress))
    try {
      const result = await scanRepository({
        repository,
        store,
        pool,
        now: () => new Date(),
        onTotals: (bytes) => works.saveTotals(work, 0, bytes),
        onProgress: (bytesDone) => recorder.record({ packagesDone: 0, bytesDone }),
        signal,
        lease: work
      })
      await works.saveTotals(work, result.packageCount, result.bytesRead)
      return OPERATION_SUCCEEDED
    } catch (error) {
      throw toTaskFailure(error)
    } finally {
      await recorder.end()
    }
  }
}

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
