/** Runs the jobs of imports: decides, applies, and cleans up. */
import type { ImportChange } from '../../core/import/import.ts'
import { importEnded } from '../../core/problems/message.ts'
import type { ClaimedJob } from '../../core/tasks/job.ts'
import { createIncomingDirectory, sweepWaiting } from '../../storage/disk/incoming-directory.ts'
import type { RepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import { createImportStore } from '../../store/imports/import-store.ts'
import { createProgressRecorder } from '../runtime/progress-recorder.ts'
import type { HandlerContext, JobHandler } from '../runtime/worker-host.ts'
import type { FileReaderPool } from '../scan/file-reader-pool.ts'
import { createImportApplier } from './apply-import.ts'
import { type Decision, decideImport, stagedTree } from './decide-import.ts'
import { toImportFailure } from './import-failure.ts'
import { ANNOUNCEMENT_TTL_MS, removeEndedImports } from './remove-leftovers.ts'

export interface ImportHandlerOptions extends HandlerContext {
  readonly repository: RepositoryDirectory
  readonly pool: FileReaderPool
  /** Bytes that the repository can still take. */
  readonly freeBytes: () => Promise<number>
}

export function createImportHandler(options: ImportHandlerOptions): Omit<JobHandler, 'close'> {
  const { settings, db, jobs } = options
  const incoming = createIncomingDirectory(settings.repositoryDirectory)
  const imports = createImportStore(db)
  const applier = createImportApplier({ ...options, incoming })
  const sweep = () => removeEndedImports(db, incoming, true)

  async function run(job: ClaimedJob, signal: AbortSignal) {
    await sweep()
    const received = await imports.find(job.jobId)
    const recorder = createProgressRecorder((progress) => jobs.saveProgress(job, progress))
    try {
      await sweepWaiting(incoming.waiting, new Date(Date.now() - ANNOUNCEMENT_TTL_MS))
      const recorded = await imports.changes(job.jobId)
      const decision =
        recorded.length > 0
          ? recordedDecision(recorded)
          : await decideImport({ ...options, incoming }, job, received, recorder, signal)
      signal.throwIfAborted()
      await applier.apply(job, stagedTree(incoming, received), decision, signal)
      return decision.message
    } catch (error) {
      if (signal.aborted) await sweep()
      throw toImportFailure(error)
    } finally {
      await recorder.end()
    }
  }

  async function clean(job: ClaimedJob): Promise<void> {
    applier.forget(job)
    await sweep()
  }

  return {
    run,
    onCompleted: clean,
    async onTooLate(job) {
      await applier.rollBack(job)
      await clean(job)
    },
    onFailed: clean,
    // An import that was canceled after its worker died has no other call that removes its files.
    sweep
  }
}

/** The decision of a run that was interrupted: only its changes are recorded. */
function recordedDecision(changes: readonly ImportChange[]): Decision {
  const message = importEnded({ imported: [], unchangedCount: 0, waiting: [], ignored: [] })
  return { changes, message, indexedFiles: new Map(), waiting: [] }
}
