/** A scan: walk, read what is new, find the packages, and make them the catalog. */
import { setImmediate } from 'node:timers/promises'
import { foldName, splitName } from '../../core/catalog/file-name.ts'
import { type CatalogProblem, type CatalogProblemCode, catalogProblem } from '../../core/catalog/package.ts'
import type { Lease } from '../../core/tasks/job.ts'
import type { RepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import type { FileIndex, IndexedFile, UnreadFile } from '../../store/scan/file-index.ts'
import type { WalkedFileRow } from '../../store/scan/scan-schema.ts'
import type { ScanStore } from '../../store/scan/scan-store.ts'
import type { FileReaderPool } from './file-reader-pool.ts'
import type { FileReadFailure } from './file-reader-thread.ts'
import { findPackages } from './find-packages.ts'

export interface ScanOptions {
  readonly repository: Pick<RepositoryDirectory, 'root' | 'walk'>
  readonly store: ScanStore
  readonly pool: FileReaderPool
  readonly now: () => Date
  /** Told how many bytes there are to read, as soon as that is known. */
  readonly onTotals: (bytes: number) => Promise<void>
  /** Told how many of them are done. */
  readonly onProgress: (bytesDone: number) => void
  readonly signal: AbortSignal
  /** Under which it is done: without it nothing becomes the catalog. @throws LeaseLost */
  readonly lease?: Lease | undefined
}

/** What a scan did. */
export interface ScanResult {
  /** How many packages the catalog has now. */
  readonly packageCount: number
  readonly filesRead: number
  readonly bytesRead: number
  /** Whether the catalog was found to be current, and left as it was. */
  readonly isUnchanged: boolean
}

const READ_PAGE = 1_000

/** So often a scan looks at the repository while packages are deleted; then the next one has to. */
const MAX_ROUNDS = 5

/** Problems that show before packages are put together: all that a scan which changes no package looks for. */
const WALK_PROBLEMS: readonly CatalogProblemCode[] = [
  'link-outside',
  'link-to-directory',
  'broken-link',
  'special-file',
  'unsafe-name',
  'unreadable'
]

/**
 * Brings the catalog up to date with the repository. When packages are deleted meanwhile, it looks again.
 * @throws the system's error when the repository itself cannot be read; then the catalog stays as it was
 */
export async function scanRepository(options: ScanOptions): Promise<ScanResult> {
  const { store } = options
  const read = { files: 0, bytes: 0 }
  let bytesTold = 0
  for (let round = 1; ; round += 1) {
    const before = bytesTold
    const outcome = await scanOnce(round === MAX_ROUNDS, {
      ...options,
      onTotals(bytes) {
        bytesTold = before + bytes
        return options.onTotals(bytesTold)
      },
      onProgress: (bytesDone) => options.onProgress(before + bytesDone)
    })
    read.files += outcome.files
    read.bytes += outcome.bytes
    if (outcome.state === 'overtaken') continue
    const isUnchanged = outcome.state === 'unchanged'
    return {
      packageCount: await store.draft.packageCount(),
      filesRead: read.files,
      bytesRead: read.bytes,
      isUnchanged
    }
  }
}

interface Outcome {
  readonly state: 'published' | 'unchanged' | 'overtaken'
  /** What was read. */
  readonly files: number
  readonly bytes: number
}

/** @param isLast whether it publishes what it has found in any case */
async function scanOnce(isLast: boolean, options: ScanOptions): Promise<Outcome> {
  const { store, now, signal, lease } = options
  const root = options.repository.root()
  const deletions = await store.draft.deletions()
  await store.begin()
  await walk(options)
  await store.fileIndex.forgetMissing()
  const read = await readUnread(root, options)
  signal.throwIfAborted()
  if (await store.draft.isCatalogCurrent()) {
    await store.draft.publishUnchanged(now(), WALK_PROBLEMS, lease)
    return { state: 'unchanged', ...read }
  }
  await store.fileIndex.indexStems()
  await findPackages(store, () => checkStop(signal))
  await checkStop(signal)
  const isPublished = await store.draft.publish(now(), { deletions, isLast, lease })
  return { state: isPublished ? 'published' : 'overtaken', ...read }
}

/** The word to stop is an event: between system calls and statements, which are all synchronous, none would arrive. */
async function checkStop(signal: AbortSignal): Promise<void> {
  await setImmediate()
  signal.throwIfAborted()
}

async function walk({ repository, store, signal }: ScanOptions): Promise<void> {
  for (const portion of repository.walk()) {
    const rows: WalkedFileRow[] = []
    const problems: CatalogProblem[] = []
    for (const entry of portion) {
      if ('problem' in entry) problems.push(entry.problem)
      else {
        const { name, modifiedAt, ...file } = entry.file
        const { stem, suffix } = splitName(name)
        rows.push({ ...file, stem: foldName(stem), suffix, modified_at: modifiedAt })
      }
    }
    await store.fileIndex.addWalked(rows)
    await store.draft.addProblems(problems)
    await checkStop(signal)
  }
}

async function readUnread(root: string, options: ScanOptions): Promise<{ files: number; bytes: number }> {
  const { store, pool, onTotals, onProgress, signal } = options
  const totals = await store.fileIndex.unreadTotals()
  let bytesDone = 0
  await onTotals(totals.bytes)
  await pool.readAll(root, unreadPages(store.fileIndex), async (results, bytes) => {
    signal.throwIfAborted()
    const indexedFiles: IndexedFile[] = []
    const failures: FileReadFailure[] = []
    for (const result of results) {
      if ('failure' in result) failures.push(result)
      else indexedFiles.push(result)
    }
    await store.fileIndex.save(indexedFiles)
    await store.fileIndex.drop(failures.map(({ path }) => path))
    await store.draft.addProblems(failures.map(({ path, failure }) => catalogProblem('unreadable', path, failure)))
    bytesDone += bytes
    onProgress(bytesDone)
  })
  return totals
}

async function* unreadPages(index: FileIndex): AsyncGenerator<UnreadFile[]> {
  for (let after = '', more = true; more; ) {
    const page = await index.unreadPage(after, READ_PAGE)
    yield page
    after = page.at(-1)?.path ?? ''
    more = page.length === READ_PAGE
  }
}
