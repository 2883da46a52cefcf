/** Brings the file index up to date: walks the repository, and reads the files that are new or have changed. */
import { setImmediate } from 'node:timers/promises'
import { foldName, splitName } from '../../core/catalog/file-name.ts'
import { type CatalogProblem, catalogProblem } from '../../core/catalog/package.ts'
import type { RepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import type { FileIndex, IndexedFile, UnreadFile } from '../../store/scan/file-index.ts'
import type { WalkedFileRow } from '../../store/scan/scan-schema.ts'
import type { ScanStore } from '../../store/scan/scan-store.ts'
import type { FileReaderPool } from './file-reader-pool.ts'
import type { FileReadFailure, FileReadResult } from './file-reader-thread.ts'

export interface UpdateOptions {
  readonly repository: Pick<RepositoryDirectory, 'walk'>
  readonly store: ScanStore
  readonly pool: FileReaderPool
  /** Called with the bytes that are to be read, as soon as they are known. */
  readonly onTotals: (bytes: number) => Promise<void>
  /** Called with the bytes that were read so far. */
  readonly onProgress: (bytesDone: number) => void
  readonly signal: AbortSignal
}

const READ_PAGE = 1_000

/** @returns how many files and bytes were read */
export async function updateFileIndex(root: string, options: UpdateOptions): Promise<{ files: number; bytes: number }> {
  await walk(options)
  await options.store.fileIndex.forgetMissing()
  return readUnread(root, options)
}

/**
 * System calls and SQLite statements are synchronous: without this pause the event that stops the scan never arrives.
 */
export async function throwIfStopped(signal: AbortSignal): Promise<void> {
  await setImmediate()
  signal.throwIfAborted()
}

async function walk({ repository, store, signal }: UpdateOptions): Promise<void> {
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
    await throwIfStopped(signal)
  }
}

async function readUnread(root: string, options: UpdateOptions): Promise<{ files: number; bytes: number }> {
  const { store, pool, onTotals, onProgress, signal } = options
  const totals = await store.fileIndex.unreadTotals()
  let bytesDone = 0
  await onTotals(totals.bytes)
  await pool.readAll(root, unreadPages(store.fileIndex), async (results, bytes) => {
    signal.throwIfAborted()
    await saveResults(store, results)
    bytesDone += bytes
    onProgress(bytesDone)
  })
  return totals
}

async function saveResults({ fileIndex, draft }: ScanStore, results: FileReadResult[]): Promise<void> {
  const indexedFiles: IndexedFile[] = []
  const failures: FileReadFailure[] = []
  for (const result of results) {
    if ('failure' in result) failures.push(result)
    else indexedFiles.push(result)
  }
  await fileIndex.save(indexedFiles)
  await fileIndex.drop(failures.map(({ path }) => path))
  await draft.addProblems(failures.map(({ path, failure }) => catalogProblem('unreadable', path, failure)))
}

async function* unreadPages(fileIndex: FileIndex): AsyncGenerator<UnreadFile[]> {
  for (let after = '', more = true; more; ) {
    const page = await fileIndex.unreadPage(after, READ_PAGE)
    yield page
    after = page.at(-1)?.path ?? ''
    more = page.length === READ_PAGE
  }
}
