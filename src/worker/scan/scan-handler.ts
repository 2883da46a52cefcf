/** Runs the jobs of scans. */
import { OPERATION_SUCCEEDED, taskFailed } from '../../core/problems/message.ts'
import { METADATA_SUFFIXES, READER_VERSION } from '../../metadata/metadata-file.ts'
import type { RepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import { createScanStore } from '../../store/scan/scan-store.ts'
import { createProgressRecorder } from '../runtime/progress-recorder.ts'
import { TaskFailure } from '../runtime/run-job.ts'
import type { HandlerContext, JobHandler } from '../runtime/worker-host.ts'
import type { FileReaderPool } from './file-reader-pool.ts'
import { scanRepository } from './scan-repository.ts'

export function createScanHandler({
  db,
  jobs,
  repository,
  pool
}: HandlerContext & {
  repository: RepositoryDirectory
  pool: FileReaderPool
}): JobHandler['run'] {
  const store = createScanStore(db, READER_VERSION, METADATA_SUFFIXES)
  return async (job, signal) => {
    const recorder = createProgressRecorder((progress) => jobs.saveProgress(job, progress))
    try {
      const result = await scanRepository({
        repository,
        store,
        pool,
        now: () => new Date(),
        onTotals: (bytes) => jobs.saveTotals(job, 0, bytes),
        onProgress: (bytesDone) => recorder.record({ packagesDone: 0, bytesDone }),
        signal,
        lease: job
      })
      await jobs.saveTotals(job, result.packageCount, result.bytesRead)
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
