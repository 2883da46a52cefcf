/** Packs the archive of one export. */
import fs from 'node:fs'
import { type PlacedEntry, SourceChangedError, SourceUnreadableError, writeArchive } from '../archive/write-archive.ts'
import type { Plan, PlanEntry } from '../core/export.ts'
import { type Message, OPERATION_SUCCEEDED, taskFailed } from '../core/message.ts'
import type { TaskProgress } from '../core/task.ts'
import type { ArchiveDirectory } from '../files/archive-directory.ts'
import { openInside } from '../files/safe-path.ts'
import type { PlanStore } from '../store/plan-store.ts'
import { TaskFailure } from './lane.ts'

export interface ExportRun {
  readonly plan: Plan
  readonly plans: PlanStore
  readonly archiveName: string
  readonly repositoryDirectory: string
  readonly archives: ArchiveDirectory
  readonly onProgress: (progress: TaskProgress) => void
  readonly signal: AbortSignal
}

interface NamedEntry extends PlanEntry, PlacedEntry {}

/**
 * @returns the message of a completed export
 * @throws TaskFailure with a message that names the file and the cause; then no part of the archive is left
 */
export async function runExport(run: ExportRun): Promise<Message> {
  const { plan, archives, signal } = run
  const archive = archives.create(run.archiveName)
  try {
    const root = fs.realpathSync.native(run.repositoryDirectory)
    const packages = new PackageCounter()
    const size = await writeArchive<NamedEntry>({
      fd: archive.fd,
      entries: () => namedPages(run.plans.entryPages(plan.id)),
      open(entry) {
        packages.expect(entry)
        const { fd, stat } = openInside(root, entry.path)
        return { fd, size: Number(stat.size) }
      },
      isDurable: true,
      onDurable: (bytesDone) => run.onProgress({ bytesDone, packagesDone: packages.within(bytesDone) }),
      signal
    })
    if (size !== plan.archiveSize) throw new Error(`The archive has ${size} bytes, planned were ${plan.archiveSize}`)
  } catch (error) {
    archive.discard()
    signal.throwIfAborted()
    throw toTaskFailure(error)
  }
  archive.publish()
  return OPERATION_SUCCEEDED
}

/** Tells how many packages are whole in the first so many bytes; remembers only what is not durable yet. */
class PackageCounter {
  #ends: { offset: number; packagesDone: number }[] = []
  #done = 0

  /** An entry begins where the one before it ends: then the packages before it are whole. */
  expect(entry: PlanEntry): void {
    this.#ends.push({ offset: entry.offset, packagesDone: this.#before })
    this.#before = entry.packagesDone
  }

  #before = 0

  within(bytes: number): number {
    const open = this.#ends.findIndex((end) => end.offset > bytes)
    const passed = open === -1 ? this.#ends.length : open
    this.#done = this.#ends[passed - 1]?.packagesDone ?? this.#done
    this.#ends = this.#ends.slice(passed)
    return this.#done
  }
}

async function* namedPages(pages: AsyncIterable<readonly PlanEntry[]>): AsyncGenerator<NamedEntry[]> {
  for await (const page of pages) yield page.map((entry) => ({ ...entry, name: entry.path }))
}

function toTaskFailure(error: unknown): unknown {
  if (error instanceof SourceChangedError) {
    return new TaskFailure(
      taskFailed(error.message, 'Read the repository again with action=read, and repeat the export.'),
      error
    )
  }
  if (error instanceof SourceUnreadableError) {
    return new TaskFailure(
      taskFailed(error.message, 'Check the file and its permissions, and repeat the export.'),
      error
    )
  }
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new TaskFailure(
      taskFailed('There is no space left for the archive.', 'Make room in the data directory, and repeat the export.'),
      error
    )
  }
  if (code !== undefined) {
    return new TaskFailure(
      taskFailed(
        `The archive cannot be written: ${code}.`,
        'Check the data directory and its disk, and repeat the export.'
      ),
      error
    )
  }
  return error
}
