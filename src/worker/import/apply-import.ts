/** Applies the decision of an import to the repository and its catalog, or rolls it back. */
import fs from 'node:fs'
import path from 'node:path'
import type { StagedDeletion } from '../../core/catalog/deletion.ts'
import { type ClaimedJob, type Lease, LeaseLost } from '../../core/tasks/job.ts'
import { METADATA_SUFFIXES, READER_VERSION } from '../../metadata/metadata-file.ts'
import type { IncomingDirectory } from '../../storage/disk/incoming-directory.ts'
import type { RepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import type { Database } from '../../store/engine/database.ts'
import { createImportStore } from '../../store/imports/import-store.ts'
import { createScanStore } from '../../store/scan/scan-store.ts'
import type { JobStore } from '../../store/tasks/job-store.ts'
import type { FileReaderPool } from '../scan/file-reader-pool.ts'
import { scanRepository } from '../scan/scan-repository.ts'
import type { Decision } from './decide-import.ts'

export interface ImportApplier {
  /** @param tree directory of the staged files */
  apply(job: ClaimedJob, tree: string, decision: Decision, signal: AbortSignal): Promise<void>
  /** Restores the repository and its catalog, unless another server now applies the same import. */
  rollBack(job: ClaimedJob): Promise<void>
  /** Removes the files that the import has replaced. To be called when its end is recorded. */
  forget(job: Lease): void
}

export interface ApplyOptions {
  readonly db: Database
  readonly jobs: Pick<JobStore, 'isElsewhere'>
  readonly repository: RepositoryDirectory
  readonly pool: FileReaderPool
  readonly incoming: IncomingDirectory
}

export function createImportApplier({ db, jobs, repository, pool, incoming }: ApplyOptions): ImportApplier {
  const imports = createImportStore(db)
  const scans = createScanStore(db, READER_VERSION, METADATA_SUFFIXES)
  /** The replaced files of imports whose end is not recorded yet, by job. */
  const applied = new Map<number, StagedDeletion>()

  /** @param lease of the import; undefined after its job has ended */
  async function scan(signal: AbortSignal, lease?: Lease): Promise<void> {
    await scanRepository({
      repository,
      store: scans,
      pool,
      now: () => new Date(),
      onTotals: async () => {},
      onProgress: () => {},
      signal,
      lease
    })
  }

  async function rollBack(job: ClaimedJob): Promise<void> {
    const replaced = applied.get(job.jobId)
    if (replaced === undefined) return
    const isElsewhere = await jobs.isElsewhere(job)
    applied.delete(job.jobId)
    // The other server needs the replaced files if it fails.
    if (isElsewhere) return
    replaced.rollback()
    await imports.undecide(job.jobId)
    await scan(new AbortController().signal)
  }

  async function publish(job: ClaimedJob, decision: Decision, signal: AbortSignal): Promise<void> {
    try {
      await scans.fileIndex.save([...decision.indexedFiles.values()])
      await scan(signal, job)
    } catch (error) {
      // A stop leaves the decision to the next start; only a canceled or a failed import is rolled back.
      if (!signal.aborted || signal.reason instanceof LeaseLost) await rollBack(job)
      throw error
    }
  }

  return {
    async apply(job, tree, decision, signal) {
      keepWaiting(tree, incoming.waiting, decision)
      if (decision.changes.length === 0) return
      applied.set(job.jobId, await repository.change(tree, decision.changes))
      await publish(job, decision, signal)
    },
    rollBack,
    forget({ jobId }) {
      applied.get(jobId)?.commit()
      applied.delete(jobId)
    }
  }
}

/**
 * Keeps files without metadata for a later import, and removes the kept copies of files that have their metadata now.
 */
function keepWaiting(tree: string, directory: string, { changes, waiting }: Decision): void {
  for (const { staged } of changes) {
    if (staged !== undefined && !staged.includes('/')) fs.rmSync(path.join(directory, staged), { force: true })
  }
  if (waiting.length === 0) return
  fs.mkdirSync(directory, { recursive: true, mode: 0o750 })
  for (const name of waiting) fs.renameSync(path.join(tree, name), path.join(directory, name))
}
