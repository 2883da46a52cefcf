/** How imports are done: lay out, look, decide, change the repository, and read it again. */
import fs from 'node:fs'
import path from 'node:path'
import type { FilesPutAside } from '../core/deletion.ts'
import type { ImportChange } from '../core/import.ts'
import { importEnded, type Message } from '../core/message.ts'
import { Problem } from '../core/problem.ts'
import { type ClaimedWork, type Lease, LeaseLost } from '../core/work.ts'
import { createIncomingDirectory, sweepWaiting } from '../files/incoming-directory.ts'
import type { RepositoryDirectory } from '../files/repository-directory.ts'
import { METADATA_SUFFIXES, READER_VERSION } from '../metadata/metadata-file.ts'
import { countDeletions } from '../store/deletion-store.ts'
import { durableTransaction } from '../store/durable-transaction.ts'
import { createImportCatalog } from '../store/import-catalog.ts'
import { createImportStore, type ImportJob } from '../store/import-store.ts'
import { refuseIfInUse } from '../store/live-exports.ts'
import type { FileReading } from '../store/reading-store.ts'
import { createScanStore } from '../store/scan-store.ts'
import { ANNOUNCEMENT_TTL_MS, removeEnded } from './accept-import.ts'
import { toImportFailure } from './import-failure.ts'
import { openInspection } from './inspect-import.ts'
import type { LaneContext, PreparedLane } from './lane-host.ts'
import { planImport } from './plan-import.ts'
import { createProgressRecorder, type ProgressRecorder } from './progress-recorder.ts'
import type { ReadingPool } from './reading-pool.ts'
import { type ScanOptions, scanRepository } from './scan-repository.ts'
import { stageImport } from './stage-import.ts'

export interface ImportLaneOptions extends LaneContext {
  readonly repository: RepositoryDirectory
  readonly pool: ReadingPool
  /** Bytes that the repository can still take. */
  readonly freeBytes: () => Promise<number>
}

/** What an import has decided. */
interface Decision {
  readonly changes: readonly ImportChange[]
  readonly message: Message
  /** What is known of the staged files already. */
  readonly readings: ReadonlyMap<string, FileReading>
  /** Files that are kept until their metadata comes. */
  readonly waiting: readonly string[]
}

const TREE = 'tree'
const READINGS_PER_STATEMENT = 500

export function createImportLane(options: ImportLaneOptions): Omit<PreparedLane, 'close'> {
  const { settings, db, works, repository, pool, freeBytes } = options
  const incoming = createIncomingDirectory(settings.repositoryDirectory)
  const imports = createImportStore(db)
  const scans = createScanStore(db, READER_VERSION, METADATA_SUFFIXES)
  /** Changes of imports whose end is not recorded yet. */
  const made = new Map<number, FilesPutAside>()

  async function decide(work: ClaimedWork, job: ImportJob, signal: AbortSignal, recorder: ProgressRecorder) {
    const directory = incoming.pathOf(job.directory)
    const tree = path.join(directory, TREE)
    const catalog = createImportCatalog(db)
    const inspection = await openInspection(tree, path.join(directory, 'inspection.db'), pool)
    let bytesDone = 0
    try {
      const { plain, archives } = await stageImport({
        files: job.files,
        received: incoming.receivedIn(job.directory),
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
        const plan = await planImport({ sent, catalog, repository, isReplacing: job.isReplacing, plain })
        const { changes, imported, replaced, unchangedCount, orphans } = plan
        if (archives.length > 0 && imported.length + unchangedCount === 0) throw withoutPackages(archives)
        const waiting = orphans.filter((file) => plain.has(file))
        const ignored = orphans.filter((file) => !plain.has(file))
        const bytes = job.files.reduce((sum, { size }) => sum + size, 0)
        await works.saveTotals(work, imported.length + unchangedCount, bytes)
        // From here on a crash cannot stop it.
        const isDecided = await durableTransaction(db, async (trx) => {
          if ((await countDeletions(trx)) !== deletions) return false
          await createImportStore(trx).decide(work, changes, imported)
          await refuseIfInUse(trx, replaced)
          return true
        })
        if (!isDecided) continue
        return {
          changes,
          message: importEnded({ imported, unchangedCount, waiting, ignored }),
          readings: await readingsOf(changes, inspection.readings),
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
  async function takeBack(work: ClaimedWork): Promise<void> {
    const changes = made.get(work.workId)
    if (changes === undefined || (await isElsewhere(work))) return
    made.delete(work.workId)
    changes.restore()
    await imports.undecide(work.workId)
    await scan(new AbortController().signal)
  }

  /** Another server makes the same changes: what was put aside here is needed if it fails. */
  async function isElsewhere(work: ClaimedWork): Promise<boolean> {
    if (!(await works.isElsewhere(work))) return false
    made.delete(work.workId)
    return true
  }

  async function clean({ workId }: ClaimedWork): Promise<void> {
    made.get(workId)?.remove()
    made.delete(workId)
    await removeEnded(db, incoming, true)
  }

  async function change(work: ClaimedWork, job: ImportJob, decision: Decision, signal: AbortSignal): Promise<void> {
    const tree = path.join(incoming.pathOf(job.directory), TREE)
    keepWaiting(tree, incoming.waiting, decision)
    if (decision.changes.length === 0) return
    const changed = await repository.change(tree, decision.changes)
    made.set(work.workId, changed)
    try {
      await scans.readings.save([...decision.readings.values()])
      await scan(signal, work)
    } catch (error) {
      // What is decided is done at the next start; unless nobody wants it any more, or it cannot be done.
      const cause = signal.aborted ? signal.reason : error
      if (!signal.aborted || cause instanceof LeaseLost) await takeBack(work)
      throw error
    }
  }

  return {
    async run(work, signal) {
      await removeEnded(db, incoming, true)
      const job = await imports.find(work.workId)
      const recorder = createProgressRecorder((progress) => works.saveProgress(work, progress))
      try {
        await sweepWaiting(incoming.waiting, new Date(Date.now() - ANNOUNCEMENT_TTL_MS))
        const decided = await imports.changes(work.workId)
        const decision = decided.length > 0 ? resumed(decided) : await decide(work, job, signal, recorder)
        signal.throwIfAborted()
        await change(work, job, decision, signal)
        return decision.message
      } catch (error) {
        if (signal.aborted) await removeEnded(db, incoming, true)
        throw toImportFailure(error)
      } finally {
        await recorder.end()
      }
    },
    onCompleted: clean,
    async onTooLate(work) {
      await takeBack(work)
      await clean(work)
    },
    onFailed: clean,
    // Of work that was canceled nobody is told any more, for instance when its worker has died.
    sweep: () => removeEnded(db, incoming, true)
  }
}

/** After a crash: what had been found out before it is not known any more. */
function resumed(changes: readonly ImportChange[]): Decision {
  const message = importEnded({ imported: [], unchangedCount: 0, waiting: [], ignored: [] })
  return { changes, message, readings: new Map(), waiting: [] }
}

/** What was found out of the staged files, under the paths that they are going to have. */
async function readingsOf(
  changes: readonly ImportChange[],
  find: (paths: readonly string[]) => Promise<Map<string, FileReading>>
): Promise<Map<string, FileReading>> {
  const readings = new Map<string, FileReading>()
  const targets = new Map(
    changes.flatMap(({ path: target, staged }) => (staged === undefined ? [] : [[staged, target]]))
  )
  const staged = [...targets.keys()]
  for (let start = 0; start < staged.length; start += READINGS_PER_STATEMENT) {
    for (const [file, reading] of await find(staged.slice(start, start + READINGS_PER_STATEMENT))) {
      const target = targets.get(file) ?? file
      readings.set(target, { ...reading, path: target })
    }
  }
  return readings
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
