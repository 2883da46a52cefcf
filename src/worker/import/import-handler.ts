/** How imports are done: lay out, look, decide, change the repository, and read it again. */
import fs from 'node:fs'
import path from 'node:path'
import type { StagedDeletion } from '../../core/catalog/deletion.ts'
import type { ImportChange } from '../../core/import/import.ts'
import { importEnded, type Message } from '../../core/problems/message.ts'
import { Problem } from '../../core/problems/problem.ts'
import { type ClaimedJob, type Lease, LeaseLost } from '../../core/tasks/job.ts'
import { METADATA_SUFFIXES, READER_VERSION } from '../../metadata/metadata-file.ts'
import { createIncomingDirectory, sweepWaiting } from '../../storage/disk/incoming-directory.ts'
import type { RepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import { countDeletions } from '../../store/catalog/deletion-store.ts'
import { refuseIfInUse } from '../../store/catalog/live-exports.ts'
import { durableTransaction } from '../../store/engine/transactions.ts'
import { createImportCatalog } from '../../store/imports/import-catalog.ts'
import { createImportStore, type ReceivedImport } from '../../store/imports/import-store.ts'
import type { IndexedFile } from '../../store/scan/file-index.ts'
import { createScanStore } from '../../store/scan/scan-store.ts'
import { ANNOUNCEMENT_TTL_MS, removeEnded } from '../commands/import-commands.ts'
import { createProgressRecorder, type ProgressRecorder } from '../runtime/progress-recorder.ts'
import type { HandlerContext, JobHandler } from '../runtime/worker-host.ts'
import type { FileReaderPool } from '../scan/file-reader-pool.ts'
import { type ScanOptions, scanRepository } from '../scan/scan-repository.ts'
import { toImportFailure } from './import-failure.ts'
import { openInspection } from './inspect-import.ts'
import { planImport } from './plan-import.ts'
import { stageImport } from './stage-import.ts'

export interface ImportHandlerOptions extends HandlerContext {
  readonly repository: RepositoryDirectory
  readonly pool: FileReaderPool
  /** Bytes that the repository can still take. */
  readonly freeBytes: () => Promise<number>
}

/** What an import has decided. */
interface Decision {
  readonly changes: readonly ImportChange[]
  readonly message: Message
  /** What is known of the staged files already. */
  readonly indexedFiles: ReadonlyMap<string, IndexedFile>
  /** Files that are kept until their metadata comes. */
  readonly waiting: readonly string[]
}

const TREE = 'tree'
const FILES_PER_STATEMENT = 500

export function createImportHandler(options: ImportHandlerOptions): Omit<JobHandler, 'close'> {
  const { settings, db, jobs, repository, pool, freeBytes } = options
  const incoming = createIncomingDirectory(settings.repositoryDirectory)
  const imports = createImportStore(db)
  const scans = createScanStore(db, READER_VERSION, METADATA_SUFFIXES)
  /** Changes of imports whose end is not recorded yet. */
  const made = new Map<number, StagedDeletion>()

  async function decide(job: ClaimedJob, received: ReceivedImport, signal: AbortSignal, recorder: ProgressRecorder) {
    const directory = incoming.pathOf(received.directory)
    const tree = path.join(directory, TREE)
    const catalog = createImportCatalog(db)
    const inspection = await openInspection(tree, path.join(directory, 'inspection.db'), pool)
    let bytesDone = 0
    try {
      const { plain, archives } = await stageImport({
        files: received.files,
        received: incoming.receivedIn(received.directory),
        waiting: incoming.waiting,
        tree,
        repository,
        catalog,
        inspection,
        freeBytes,
        onProgress(bytes) {
          bytesDone += bytes
          recorder.record({ packagesDone: 0, bytesDone })
        },
        signal
      })
      const sent = await inspection.run(signal)
      // What is deleted between look and decision is looked for again: else a half of it would stay away.
      for (;;) {
        signal.throwIfAborted()
        const deletions = await countDeletions(db)
        const plan = await planImport({ sent, catalog, repository, isReplacing: received.isReplacing, plain })
        const { changes, imported, replaced, unchangedCount, orphans } = plan
        if (archives.length > 0 && imported.length + unchangedCount === 0) throw withoutPackages(archives)
        const waiting = orphans.filter((file) => plain.has(file))
        const ignored = orphans.filter((file) => !plain.has(file))
        const bytes = received.files.reduce((sum, { size }) => sum + size, 0)
        await jobs.saveTotals(job, imported.length + unchangedCount, bytes)
        // From here on a crash cannot stop it.
        const isDecided = await durableTransaction(db, async (trx) => {
          if ((await countDeletions(trx)) !== deletions) return false
          await createImportStore(trx).decide(job, changes, imported)
          await refuseIfInUse(trx, replaced)
          return true
        })
        if (!isDecided) continue
        return {
          changes,
          message: importEnded({ imported, unchangedCount, waiting, ignored }),
          indexedFiles: await indexedFilesOf(changes, inspection.indexedFiles),
          waiting
        } satisfies Decision
      }
    } finally {
      await inspection.close()
    }
  }

  /** @param lease under which it is done; it is not under any when the work has ended */
  async function scan(signal: AbortSignal, lease?: Lease): Promise<void> {
    const quiet: Pick<ScanOptions, 'onTotals' | 'onProgress'> = { onTotals: async () => {}, onProgress: () => {} }
    const now = () => new Date()
    await scanRepository({ repository, store: scans, pool, now, ...quiet, signal, lease })
  }

  /** The repository and its catalog are what they were before the import. */
  async function takeBack(job: ClaimedJob): Promise<void> {
    const changes = made.get(job.jobId)
    if (changes === undefined || (await isElsewhere(job))) return
    made.delete(job.jobId)
    changes.rollback()
    await imports.undecide(job.jobId)
    await scan(new AbortController().signal)
  }

  /** Another server makes the same changes: what was put aside here is needed if it fails. */
  async function isElsewhere(job: ClaimedJob): Promise<boolean> {
    if (!(await jobs.isElsewhere(job))) return false
    made.delete(job.jobId)
    return true
  }

  async function clean({ jobId }: ClaimedJob): Promise<void> {
    made.get(jobId)?.commit()
    made.delete(jobId)
    await removeEnded(db, incoming, true)
  }

  async function change(
    job: ClaimedJob,
    received: ReceivedImport,
    decision: Decision,
    signal: AbortSignal
  ): Promise<void> {
    const tree = path.join(incoming.pathOf(received.directory), TREE)
    keepWaiting(tree, incoming.waiting, decision)
    if (decision.changes.length === 0) return
    const changed = await repository.change(tree, decision.changes)
    made.set(job.jobId, changed)
    try {
      await scans.fileIndex.save([...decision.indexedFiles.values()])
      await scan(signal, job)
    } catch (error) {
      // What is decided is done at the next start; unless nobody wants it any more, or it cannot be done.
      const cause = signal.aborted ? signal.reason : error
      if (!signal.aborted || cause instanceof LeaseLost) await takeBack(job)
      throw error
    }
  }

  return {
    async run(job, signal) {
      await removeEnded(db, incoming, true)
      const received = await imports.find(job.jobId)
      const recorder = createProgressRecorder((progress) => jobs.saveProgress(job, progress))
      try {
        await sweepWaiting(incoming.waiting, new Date(Date.now() - ANNOUNCEMENT_TTL_MS))
        const decided = await imports.changes(job.jobId)
        const decision = decided.length > 0 ? resumed(decided) : await decide(job, received, signal, recorder)
        signal.throwIfAborted()
        await change(job, received, decision, signal)
        return decision.message
      } catch (error) {
        if (signal.aborted) await removeEnded(db, incoming, true)
        throw toImportFailure(error)
      } finally {
        await recorder.end()
      }
    },
    onCompleted: clean,
    async onTooLate(job) {
      await takeBack(job)
      await clean(job)
    },
    onFailed: clean,
    // Of work that was canceled nobody is told any more, for instance when its worker has died.
    sweep: () => removeEnded(db, incoming, true)
  }
}

/** After a crash: what had been found out before it is not known any more. */
function resumed(changes: readonly ImportChange[]): Decision {
  const message = importEnded({ imported: [], unchangedCount: 0, waiting: [], ignored: [] })
  return { changes, message, indexedFiles: new Map(), waiting: [] }
}

/** What was found out of the staged files, under the paths that they are going to have. */
async function indexedFilesOf(
  changes: readonly ImportChange[],
  find: (paths: readonly string[]) => Promise<Map<string, IndexedFile>>
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

/** Files without metadata stay for a while; those that have found theirs do not wait any more. */
function keepWaiting(tree: string, directory: string, { changes, waiting }: Decision): void {
  for (const { staged } of changes) {
    if (staged !== undefined && !staged.includes('/')) fs.rmSync(path.join(directory, staged), { force: true })
  }
  if (waiting.length === 0) return
  fs.mkdirSync(directory, { recursive: true, mode: 0o750 })
  for (const name of waiting) fs.renameSync(path.join(tree, name), path.join(directory, name))
}

function withoutPackages(archives: readonly string[]): Problem {
  return new Problem(
    'IMPORT_REFUSED',
    `There is no package in ${archives.join(', ')}. A payload is sent together with the metadata (.xml) of its package.`
  )
}
