/** Packs the archive of one export. */
import fs from 'node:fs'
import { type PlacedEntry, writeArchive } from '../archive/write-archive.ts'
import type { Plan, PlanEntry } from '../core/export.ts'
import { type Message, OPERATION_SUCCEEDED } from '../core/message.ts'
import type { TaskProgress } from '../core/task.ts'
import type { ArchiveDirectory, ArchiveInProgress } from '../files/archive-directory.ts'
import { openInside } from '../files/safe-path.ts'
import type { PlanStore } from '../store/plan-store.ts'
import { repositoryUnreadable, toExportFailure } from './export-failure.ts'
import { PackageCounter } from './package-counter.ts'

export interface ExportRun {
  readonly plan: Plan
  readonly plans: PlanStore
  readonly archiveName: string
  readonly repositoryDirectory: string
  readonly archives: ArchiveDirectory
  /** Told what is durable; it only grows, and the last report has the plan's totals. */
  readonly onProgress: (progress: TaskProgress) => void
  readonly signal: AbortSignal
}

interface NamedEntry extends PlanEntry, PlacedEntry {}

/**
 * @returns the message of a completed export
 * @throws TaskFailure with a message that names the file and the cause, or the signal's reason; then no part of the archive
 * is left
 */
export async function runExport(run: ExportRun): Promise<Message> {
  const root = realRoot(run.repositoryDirectory)
  try {
    const archive = run.archives.create(run.archiveName)
    try {
      await pack(run, root, archive)
    } catch (error) {
      archive.discard()
      throw error
    }
    archive.publish()
    return OPERATION_SUCCEEDED
  } catch (error) {
    run.signal.throwIfAborted()
    throw toExportFailure(error)
  }
}

async function pack(
  { plan, plans, onProgress, signal }: ExportRun,
  root: string,
  archive: ArchiveInProgress
): Promise<void> {
  const packages = new PackageCounter()
  const size = await writeArchive<NamedEntry>({
    fd: archive.fd,
    entries: () => namedPages(plans.entryPages(plan.id)),
    open(entry) {
      packages.expect(entry)
      const { fd, stat } = openInside(root, entry.path)
      return { fd, size: Number(stat.size) }
    },
    isDurable: true,
    onDurable(bytesDone) {
      const isAllContent = bytesDone >= plan.directoryOffset
      onProgress({ bytesDone, packagesDone: isAllContent ? plan.packageCount : packages.within(bytesDone) })
    },
    signal
  })
  if (size !== plan.archiveSize) throw new Error(`The archive has ${size} bytes, planned were ${plan.archiveSize}`)
}

function realRoot(directory: string): string {
  try {
    return fs.realpathSync.native(directory)
  } catch (error) {
    throw repositoryUnreadable(error)
  }
}

async function* namedPages(pages: AsyncIterable<readonly PlanEntry[]>): AsyncGenerator<NamedEntry[]> {
  for await (const page of pages) yield page.map((entry) => ({ ...entry, name: entry.path }))
}
