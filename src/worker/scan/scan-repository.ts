/** A scan: updates the file index, finds the packages, and publishes them as the catalog. */
import type { CatalogProblemCode } from '../../core/catalog/package.ts'
import type { Lease } from '../../core/tasks/job.ts'
import type { RepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import { findPackages } from './find-packages.ts'
import { throwIfStopped, type UpdateOptions, updateFileIndex } from './update-file-index.ts'

export interface ScanOptions extends UpdateOptions {
  readonly repository: Pick<RepositoryDirectory, 'root' | 'walk'>
  readonly now: () => Date
  /** The catalog is published only while this lease is held; undefined: without a lease. @throws LeaseLost */
  readonly lease?: Lease | undefined
}

export interface ScanResult {
  /** How many packages the catalog has now. */
  readonly packageCount: number
  readonly filesRead: number
  readonly bytesRead: number
  /** The catalog was current, and stays as it was. */
  readonly isUnchanged: boolean
}

/**
 * How often a scan starts again because packages were deleted meanwhile. The last round publishes in any case, and
 * the next scan removes the deleted packages.
 */
const MAX_ROUNDS = 5

/** Problems that the walk detects: a scan that changes no package replaces only these. */
const WALK_PROBLEMS: readonly CatalogProblemCode[] = [
  'link-outside',
  'link-to-directory',
  'broken-link',
  'special-file',
  'unsafe-name',
  'unreadable'
]

/**
 * Brings the catalog up to date with the repository. Starts again when packages are deleted meanwhile.
 * @throws the system's error when the repository itself cannot be read; then the catalog stays as it was
 */
export async function scanRepository(options: ScanOptions): Promise<ScanResult> {
  const read = { files: 0, bytes: 0 }
  let reportedBytes = 0
  for (let round = 1; ; round += 1) {
    const before = reportedBytes
    const outcome = await scanOnce(round === MAX_ROUNDS, {
      ...options,
      onTotals(bytes) {
        reportedBytes = before + bytes
        return options.onTotals(reportedBytes)
      },
      onProgress: (bytesDone) => options.onProgress(before + bytesDone)
    })
    read.files += outcome.files
    read.bytes += outcome.bytes
    if (outcome.state === 'overtaken') continue
    return {
      packageCount: await options.store.draft.packageCount(),
      filesRead: read.files,
      bytesRead: read.bytes,
      isUnchanged: outcome.state === 'unchanged'
    }
  }
}

interface Outcome {
  /** `overtaken`: packages were deleted meanwhile, and nothing was published. */
  readonly state: 'published' | 'unchanged' | 'overtaken'
  /** What was read. */
  readonly files: number
  readonly bytes: number
}

/** @param isLast publishes even if packages were deleted meanwhile */
async function scanOnce(isLast: boolean, options: ScanOptions): Promise<Outcome> {
  const { store, now, signal, lease } = options
  const root = options.repository.root()
  const deletions = await store.draft.deletions()
  await store.begin()
  const read = await updateFileIndex(root, options)
  signal.throwIfAborted()
  if (await store.draft.isCatalogCurrent()) {
    await store.draft.publishUnchanged(now(), WALK_PROBLEMS, lease)
    return { state: 'unchanged', ...read }
  }
  await store.fileIndex.indexStems()
  await findPackages(store, () => throwIfStopped(signal))
  await throwIfStopped(signal)
  const isPublished = await store.draft.publish(now(), { deletions, isLast, lease })
  return { state: isPublished ? 'published' : 'overtaken', ...read }
}
