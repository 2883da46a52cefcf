/**
 * Deletes packages from the repository and the catalog. The files are staged while the transaction is open, and removed
 * after it is durable: a deletion is never visible in part.
 */
import type { Deletion, DeletionRequest, StagedDeletion } from '../../core/catalog/deletion.ts'
import type { AcceptedTask } from '../../core/export/task-commands.ts'
import { listOf } from '../../core/problems/message.ts'
import { Problem } from '../../core/problems/problem.ts'
import { createDeletionStore } from '../../store/catalog/deletion-store.ts'
import { refuseIfInUse } from '../../store/catalog/live-exports.ts'
import { refuseIfImported } from '../../store/catalog/live-imports.ts'
import { createSelectionStore } from '../../store/catalog/selection-store.ts'
import type { Database } from '../../store/engine/database.ts'
import { durableTransaction } from '../../store/engine/transactions.ts'

export interface DeletionOptions {
  readonly db: Database
  /** @throws the system's error; then no file has been moved */
  readonly stageDeletion: (paths: readonly string[]) => StagedDeletion
}

const MAX_NAMED_FIXIDS = 1_000

/**
 * @param acceptScan creates the scan that follows the deletion, in the same transaction
 * @throws Problem FIXID_UNKNOWN, PACKAGE_IN_USE, PACKAGE_IMPORTED, REPOSITORY_NOT_WRITABLE; then nothing has changed
 */
export async function deletePackages(
  request: DeletionRequest,
  { db, stageDeletion }: DeletionOptions,
  acceptScan: (trx: Transaction) => Promise<AcceptedTask>
): Promise<Deletion> {
  const { what, scope, isDryRun } = request
  let staged: StagedDeletion | undefined

  async function deleteOnce(trx: Transaction) {
    const store = createDeletionStore(trx)
    // A dry run takes no lock: its result may be outdated at once.
    if (!isDryRun) await store.begin()
    const ids = what === 'unused' ? await store.unused() : await namedPackages(trx, what.fixids)
    const fixids = await store.fixids(ids)
    if (what !== 'unused') {
      await refuseIfInUse(trx, fixids)
      await refuseIfImported(trx, fixids)
    }
    const files = await store.files(ids, scope)
    if (!isDryRun) {
      const paths = files.map(({ path }) => path)
      staged = stageFiles(stageDeletion, paths)
      await store.delete(ids, files, scope)
    }
    const taskId = isDryRun ? undefined : (await acceptScan(trx)).task.id
    return { taskId, fixids, fileCount: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) }
  }

  const deletion = await durableTransaction(db, deleteOnce).catch((error) => {
    staged?.rollback()
    throw error
  })
  staged?.commit()
  return deletion
}

type Transaction = Parameters<typeof createDeletionStore>[0]

/** The named packages, and the members of the system packs among them that belong to no other pack. */
async function namedPackages(trx: Transaction, fixids: readonly string[]): Promise<Set<number>> {
  const selection = createSelectionStore(trx)
  const { ids, unknown } = await selection.findPackages(fixids)
  if (unknown.length > 0) {
    const names = listOf(unknown.slice(0, MAX_NAMED_FIXIDS), unknown.length)
    throw new Problem('FIXID_UNKNOWN', `The repository has no package with these fixids: ${names}.`)
  }
  return createDeletionStore(trx).withoutShared(await selection.withMembers(ids), ids)
}

/** @throws Problem REPOSITORY_NOT_WRITABLE */
function stageFiles(stageDeletion: DeletionOptions['stageDeletion'], paths: readonly string[]): StagedDeletion {
  try {
    return stageDeletion(paths)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (!['EROFS', 'EACCES', 'EPERM', 'EBUSY', 'EIO', 'ENOSPC'].includes(code ?? '')) throw cause
    throw new Problem('REPOSITORY_NOT_WRITABLE', `The files of the packages cannot be deleted: ${code}.`, { cause })
  }
}
