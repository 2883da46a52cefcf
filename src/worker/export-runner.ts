/** Packs the archive of one export, or what is missing of it. */
import { type Durable, type EntrySource, type PlacedEntry, writeArchive } from '../archive/write-archive.ts'
import type { ArchiveStorage, GrowingArchive } from '../core/archive-storage.ts'
import { PartsLost } from '../core/archive-trouble.ts'
import { isForLater } from '../core/database-trouble.ts'
import type { Plan, PlanEntry } from '../core/export.ts'
import { type Message, OPERATION_SUCCEEDED } from '../core/message.ts'
import type { TaskProgress } from '../core/task.ts'
import { type Checkpoint, FROM_THE_START, LeaseLost } from '../core/work.ts'
import type { RepositoryDirectory } from '../files/repository-directory.ts'
import { openInside } from '../files/safe-path.ts'
import type { PlanStore } from '../store/plan-store.ts'
import { repositoryUnreadable, toExportFailure } from './export-failure.ts'

interface NamedEntry extends PlanEntry, PlacedEntry {}

export interface ExportRun {
  readonly plan: Plan
  readonly plans: PlanStore
  readonly archiveName: string
  /** Of the lease under which the archive is packed. */
  readonly token: number
  /** Up to where former runs have packed it. */
  readonly checkpoint: Checkpoint
  readonly repository: Pick<RepositoryDirectory, 'root'>
  readonly archives: ArchiveStorage
  /** Told what is durable; it only grows, and the last report has the plan's totals. A rejection ends the run. */
  readonly onProgress: (progress: TaskProgress, checkpoint: Checkpoint) => Promise<void>
  /** Aborted with `LeaseLost` when nobody wants the archive any more, else with what is to be resumed later. */
  readonly signal: AbortSignal
}

/**
 * @returns the message of a completed export
 * @throws TaskFailure with a message that names the file and the cause, or the signal's reason. What is packed is left for
 * the next run when the signal interrupts it; when it fails, or nobody wants it, no part of it is left.
 */
export async function runExport(run: ExportRun): Promise<Message> {
  const { signal } = run
  try {
    await packAndPublish(run, rootOf(run))
    return OPERATION_SUCCEEDED
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof PartsLost) return runExport({ ...run, checkpoint: await fromTheStart(run) })
    throw toExportFailure(error)
  }
}

async function packAndPublish(run: ExportRun, root: string): Promise<void> {
  const { archives, archiveName, checkpoint, plan, signal, token } = run
  const claim = { name: archiveName, token, size: plan.archiveSize, start: checkpoint.offset, signal }
  const archive = await archives.resume(claim)
  try {
    if (!archive.isPublished) await pack(run, root, archive)
  } catch (error) {
    const isInterrupted = signal.aborted && !(signal.reason instanceof LeaseLost)
    if ((isInterrupted || isForLater(error)) && !(error instanceof LeaseLost)) await archive.leave()
    else await archive.discard()
    throw error
  }
  await archive.publish()
}

/** Withdraws the checkpoint: what it speaks of is not there any more. @throws LeaseLost */
async function fromTheStart({ onProgress }: ExportRun): Promise<Checkpoint> {
  await onProgress({ packagesDone: 0, bytesDone: 0 }, FROM_THE_START)
  return FROM_THE_START
}

async function pack(run: ExportRun, root: string, archive: GrowingArchive): Promise<void> {
  const { plan, plans, onProgress, signal } = run
  const checkpoint = archive.size === run.checkpoint.offset ? run.checkpoint : await fromTheStart(run)
  const size = await writeArchive<NamedEntry>({
    openOutput: (_start, onDurable) => archive.openOutput(onDurable),
    checkpoint,
    entries: (from) => namedPages(plans.entryPages(plan.id, from)),
    open: (entry) => openSource(root, entry),
    onDurable: (durable) => onProgress(progressOf(durable, plan), durable.checkpoint),
    signal
  })
  if (size !== plan.archiveSize) throw new Error(`The archive has ${size} bytes, planned were ${plan.archiveSize}`)
}

function progressOf({ bytes, lastEntry }: Durable<NamedEntry>, plan: Plan): TaskProgress {
  const isAllContent = bytes >= plan.directoryOffset
  return { bytesDone: bytes, packagesDone: isAllContent ? plan.packageCount : (lastEntry?.packagesDone ?? 0) }
}

/** @throws the system's error */
function openSource(root: string, { path }: NamedEntry): EntrySource {
  const { fd, stat } = openInside(root, path)
  return { fd, size: Number(stat.size) }
}

function rootOf({ repository }: ExportRun): string {
  try {
    return repository.root()
  } catch (error) {
    throw repositoryUnreadable(error)
  }
}

async function* namedPages(pages: AsyncIterable<readonly PlanEntry[]>): AsyncGenerator<NamedEntry[]> {
  for await (const page of pages) yield page.map((entry) => ({ ...entry, name: entry.path }))
}
