/** Decides what an import changes in the repository: stages its files, inspects them, and records the plan. */
import path from 'node:path'
import type { ImportChange } from '../../core/import/import.ts'
import { importEnded, type Message } from '../../core/problems/message.ts'
import { Problem } from '../../core/problems/problem.ts'
import type { ClaimedJob } from '../../core/tasks/job.ts'
import type { IncomingDirectory } from '../../storage/disk/incoming-directory.ts'
import type { RepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import { countDeletions } from '../../store/catalog/deletion-store.ts'
import { refuseIfInUse } from '../../store/catalog/live-exports.ts'
import type { Database } from '../../store/engine/database.ts'
import { durableTransaction } from '../../store/engine/transactions.ts'
import { createImportCatalog, type ImportCatalog } from '../../store/imports/import-catalog.ts'
import { createImportStore, type ReceivedImport } from '../../store/imports/import-store.ts'
import type { IndexedFile } from '../../store/scan/file-index.ts'
import type { JobStore } from '../../store/tasks/job-store.ts'
import type { ProgressRecorder } from '../runtime/progress-recorder.ts'
import type { FileReaderPool } from '../scan/file-reader-pool.ts'
import { type Inspection, openInspection } from './inspect-import.ts'
import { type ImportPlan, planImport } from './plan-import.ts'
import { type Staged, stageImport } from './stage-import.ts'

export interface Decision {
  readonly changes: readonly ImportChange[]
  readonly message: Message
  /** The facts of the staged files, by their future paths: the scan need not read these files again. */
  readonly indexedFiles: ReadonlyMap<string, IndexedFile>
  /** Files that are kept until their metadata arrives. */
  readonly waiting: readonly string[]
}

export interface DecideOptions {
  readonly db: Database
  readonly jobs: Pick<JobStore, 'saveTotals'>
  readonly repository: RepositoryDirectory
  readonly pool: FileReaderPool
  readonly incoming: IncomingDirectory
  /** Bytes that the repository can still take. */
  readonly freeBytes: () => Promise<number>
}

const FILES_PER_STATEMENT = 500

/** The directory of the staged files of an import, laid out as they will be in the repository. */
export function stagedTree(incoming: IncomingDirectory, received: ReceivedImport): string {
  return path.join(incoming.pathOf(received.directory), 'tree')
}

/**
 * After it has resolved, the decision survives a crash.
 * @throws Problem as `stageImport`, `planImport` and `refuseIfInUse` do
 */
export async function decideImport(
  options: DecideOptions,
  job: ClaimedJob,
  received: ReceivedImport,
  recorder: ProgressRecorder,
  signal: AbortSignal
): Promise<Decision> {
  const { db, incoming, pool } = options
  const databaseFile = path.join(incoming.pathOf(received.directory), 'inspection.db')
  const catalog = createImportCatalog(db)
  const inspection = await openInspection(stagedTree(incoming, received), databaseFile, pool)
  try {
    const staged = await stage(options, received, { catalog, inspection }, recorder, signal)
    const sent = await inspection.run(signal)
    const plan = await recordPlan(options, job, received, { sent, catalog, staged }, signal)
    return await decisionOf(plan, staged, inspection)
  } finally {
    await inspection.close()
  }
}

function stage(
  { incoming, repository, freeBytes }: DecideOptions,
  received: ReceivedImport,
  parts: { readonly catalog: ImportCatalog; readonly inspection: Inspection },
  recorder: ProgressRecorder,
  signal: AbortSignal
): Promise<Staged> {
  let bytesDone = 0
  return stageImport({
    ...parts,
    files: received.files,
    received: incoming.receivedIn(received.directory),
    waiting: incoming.waiting,
    tree: stagedTree(incoming, received),
    repository,
    freeBytes,
    onProgress(bytes) {
      bytesDone += bytes
      recorder.record({ packagesDone: 0, bytesDone })
    },
    signal
  })
}

interface Compared {
  readonly sent: ImportCatalog
  readonly catalog: ImportCatalog
  readonly staged: Staged
}

/**
 * Plans again when packages were deleted between the plan and its record: the import would restore only a part of them.
 */
async function recordPlan(
  { db, jobs, repository }: DecideOptions,
  job: ClaimedJob,
  { files, isReplacing }: ReceivedImport,
  { sent, catalog, staged: { plain, archives } }: Compared,
  signal: AbortSignal
): Promise<ImportPlan> {
  const bytes = files.reduce((sum, { size }) => sum + size, 0)
  for (;;) {
    signal.throwIfAborted()
    const deletions = await countDeletions(db)
    const plan = await planImport({ sent, catalog, repository, isReplacing, plain })
    const packageCount = plan.imported.length + plan.unchangedCount
    if (archives.length > 0 && packageCount === 0) throw withoutPackages(archives)
    await jobs.saveTotals(job, packageCount, bytes)
    const isRecorded = await durableTransaction(db, async (trx) => {
      if ((await countDeletions(trx)) !== deletions) return false
      await createImportStore(trx).decide(job, plan.changes, plan.imported)
      await refuseIfInUse(trx, plan.replaced)
      return true
    })
    if (isRecorded) return plan
  }
}

async function decisionOf(plan: ImportPlan, { plain }: Staged, inspection: Inspection): Promise<Decision> {
  const { changes, imported, unchangedCount, orphans } = plan
  const waiting = orphans.filter((file) => plain.has(file))
  const ignored = orphans.filter((file) => !plain.has(file))
  return {
    changes,
    message: importEnded({ imported, unchangedCount, waiting, ignored }),
    indexedFiles: await indexedFilesOf(changes, inspection.indexedFiles),
    waiting
  }
}

/** The facts of the staged files, by the paths that they will have in the repository. */
async function indexedFilesOf(
  changes: readonly ImportChange[],
  find: Inspection['indexedFiles']
): Promise<Map<string, IndexedFile>> {
  const indexedFiles = new Map<string, IndexedFile>()
  const targets = new Map(
    changes.flatMap(({ path: target, staged }) => (staged === undefined ? [] : [[staged, target]]))
  )
  const staged = [...targets.keys()]
  for (let start = 0; start < staged.length; start += FILES_PER_STATEMENT) {
    for (const [file, indexed] of await find(staged.slice(start, start + FILES_PER_STATEMENT))) {
      const target = targets.get(file) ?? file
      indexedFiles.set(target, { ...indexed, path: target })
    }
  }
  return indexedFiles
}

function withoutPackages(archives: readonly string[]): Problem {
  return new Problem(
    'IMPORT_REFUSED',
    `There is no package in ${archives.join(', ')}. A payload is sent together with the metadata (.xml) of its package.`
  )
}
