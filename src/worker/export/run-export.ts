/** Runs the job of an export: resumes its archive, packs the rest, publishes it, and cleans up after a failure. */

import type { Plan, PlanEntry } from '../../core/export/plan.ts'
import { isRetryable } from '../../core/problems/database-error.ts'
import { type Message, OPERATION_SUCCEEDED } from '../../core/problems/message.ts'
import { PartsLost } from '../../core/problems/storage-error.ts'
import type { ArchiveStorage, GrowingArchive } from '../../core/storage/archive-storage.ts'
import { type Checkpoint, type ClaimedJob, FROM_THE_START, LeaseLost } from '../../core/tasks/job.ts'
import type { TaskProgress } from '../../core/tasks/task.ts'
import { createRepositoryDirectory, type RepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import { openInside } from '../../storage/disk/safe-path.ts'
import { openOwnArchives } from '../../storage/open-archive-storage.ts'
import { type ArchiveStore, createArchiveStore } from '../../store/tasks/archive-store.ts'
import type { JobStore } from '../../store/tasks/job-store.ts'
import { createPlanStore, type PlanStore } from '../../store/tasks/plan-store.ts'
import type { EntrySource } from '../../zip/entry-source.ts'
import { type Durable, writeArchive } from '../../zip/write-archive.ts'
import type { HandlerContext, JobHandler } from '../runtime/worker-host.ts'
import { repositoryUnreadable, toExportFailure } from './export-failure.ts'

export interface ExportStores {
  readonly jobs: Pick<JobStore, 'saveProgress'>
  readonly plans: PlanStore
  readonly archives: Pick<ArchiveStore, 'nameOf' | 'ownedNames'>
  readonly storage: ArchiveStorage
  readonly repository: Pick<RepositoryDirectory, 'root'>
  /** Called with the number of bytes of archives that have become durable since the last call. */
  readonly onPacked: (bytes: number) => void
}

export type ExportJob = Pick<ClaimedJob, 'jobId' | 'token' | 'planId' | 'checkpoint'>

/** What packing one archive needs. */
interface ExportRun extends ExportStores {
  readonly job: ExportJob
  readonly plan: Plan
  readonly archiveName: string
  /** Bytes of the archive that were reported as durable. */
  reportedBytes: number
  readonly signal: AbortSignal
}

export function createExportHandler({ settings, db, jobs, onPacked }: HandlerContext): JobHandler {
  const storage = openOwnArchives(settings)
  const stores: ExportStores = {
    jobs,
    plans: createPlanStore(db),
    archives: createArchiveStore(db),
    storage,
    repository: createRepositoryDirectory(settings.repositoryDirectory),
    onPacked
  }
  return {
    run: (job, signal) => runExport(stores, job, signal),
    onTooLate: (job) => removeUnlessOwned(stores, job),
    onFailed: (job) => removeFailed(stores, job),
    close: async () => storage.close()
  }
}

/**
 * @param signal aborted with `LeaseLost` when the job was canceled or taken over, else when the job continues later
 * @returns the message of success
 * @throws TaskFailure with a message that names the file and the cause, or the signal's reason. When the signal
 * interrupts the run, the packed part is kept for the next run; when the run fails, or its lease is lost, no part is
 * kept.
 */
export async function runExport(stores: ExportStores, job: ExportJob, signal: AbortSignal): Promise<Message> {
  const plan = await stores.plans.getPlan(job.planId ?? 0)
  const archiveName = await archiveNameOf(stores, job)
  const run: ExportRun = { ...stores, job, plan, archiveName, reportedBytes: job.checkpoint.offset, signal }
  try {
    await packAndPublish(run, rootOf(run))
    return OPERATION_SUCCEEDED
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof PartsLost) {
      return runExport(stores, { ...job, checkpoint: await withdrawCheckpoint(run) }, signal)
    }
    throw toExportFailure(error)
  }
}

async function packAndPublish(run: ExportRun, root: string): Promise<void> {
  const { storage, archiveName, job, plan, signal } = run
  const claim = { name: archiveName, token: job.token, size: plan.archiveSize, start: job.checkpoint.offset, signal }
  const archive = await storage.resume(claim)
  try {
    if (!archive.isPublished) await pack(run, root, archive)
  } catch (error) {
    const isInterrupted = signal.aborted && !(signal.reason instanceof LeaseLost)
    if ((isInterrupted || isRetryable(error)) && !(error instanceof LeaseLost)) await archive.keep()
    else await archive.discard()
    throw error
  }
  await archive.publish()
}

async function pack(run: ExportRun, root: string, archive: GrowingArchive): Promise<void> {
  const { job, plan, plans, signal } = run
  const isIntact = archive.size === job.checkpoint.offset
  const size = await writeArchive<PlanEntry>({
    openOutput: (_start, onDurable) => archive.openOutput(onDurable),
    checkpoint: isIntact ? job.checkpoint : await withdrawCheckpoint(run),
    entries: (from) => plans.entryPages(plan.id, from),
    open: (entry) => openSource(root, entry),
    onDurable: (durable) => saveProgress(run, progressOf(durable, plan), durable.checkpoint),
    signal
  })
  if (size !== plan.archiveSize) throw new Error(`The archive has ${size} bytes, planned were ${plan.archiveSize}`)
}

/** The bytes that the checkpoint counts are gone. @throws LeaseLost */
async function withdrawCheckpoint(run: ExportRun): Promise<Checkpoint> {
  await saveProgress(run, { packagesDone: 0, bytesDone: 0 }, FROM_THE_START)
  return FROM_THE_START
}

/** @throws LeaseLost */
async function saveProgress(run: ExportRun, progress: TaskProgress, checkpoint: Checkpoint): Promise<void> {
  await run.jobs.saveProgress(run.job, progress, checkpoint)
  run.onPacked(Math.max(0, progress.bytesDone - run.reportedBytes))
  run.reportedBytes = progress.bytesDone
}

function progressOf({ bytes, lastEntry }: Durable<PlanEntry>, plan: Plan): TaskProgress {
  const isAllContent = bytes >= plan.directoryOffset
  return { bytesDone: bytes, packagesDone: isAllContent ? plan.packageCount : (lastEntry?.packagesDone ?? 0) }
}

/** @throws the system's error */
function openSource(root: string, { path }: PlanEntry): EntrySource {
  const { fd, stat } = openInside(root, path)
  return { fd, size: Number(stat.size) }
}

function rootOf({ repository }: ExportStores): string {
  try {
    return repository.root()
  } catch (error) {
    throw repositoryUnreadable(error)
  }
}

/** The worker that holds the lease now may have published the archive too: an archive that an export owns is kept. */
async function removeUnlessOwned(stores: ExportStores, job: ExportJob): Promise<void> {
  const name = await archiveNameOf(stores, job)
  if (!(await stores.archives.ownedNames([name])).has(name)) await stores.storage.remove(name)
}

/** A worker that died may have published it already; no other export ever gets an archive of this name. */
async function removeFailed(stores: ExportStores, job: ExportJob): Promise<void> {
  const name = await archiveNameOf(stores, job)
  await stores.storage.removeParts(name)
  await stores.storage.remove(name)
}

function archiveNameOf({ archives }: ExportStores, { planId }: ExportJob): Promise<string> {
  return archives.nameOf(planId ?? 0)
}
