/** Ends the changes of the repository that a server had begun before it stopped or died. */
import type { Kysely } from 'kysely'
import { tolerateSystemError } from '../../core/problems/system-error.ts'
import type { RepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import { knownFiles } from '../../store/catalog/deletion-store.ts'
import type { Schema } from '../../store/engine/schema.ts'

/**
 * Files that cannot be restored now stay staged, for the next call.
 * @param trx has the lock for writes, so that no server deletes packages at the same time
 * @param isGone see `RepositoryDirectory.recover`
 */
export async function recoverDeletions(
  trx: Kysely<Schema>,
  repository: Pick<RepositoryDirectory, 'recover'>,
  isGone?: (owner: string) => boolean
): Promise<void> {
  await repository.recover((paths) => knownFiles(trx, paths), isGone).catch(tolerateSystemError)
}
