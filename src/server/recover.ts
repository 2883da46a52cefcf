/** Identifies this server to its peers, and ends what former processes left, before the workers start. */
import path from 'node:path'
import { ConfigError } from '../config/config-error.ts'
import { StorageError } from '../core/problems/storage-error.ts'
import { tolerateSystemError } from '../core/problems/system-error.ts'
import type { ArchiveStorage } from '../core/storage/archive-storage.ts'
import type { StorageConfig, WorkerSettings } from '../core/storage/storage-config.ts'
import { nodeIdOf } from '../storage/disk/node-id.ts'
import { createRepositoryDirectory } from '../storage/disk/repository-directory.ts'
import { claimArchives } from '../storage/open-archive-storage.ts'
import type { ServerStore } from '../store/cluster/server-store.ts'
import { type Database, readIdentity } from '../store/engine/database.ts'
import { writeTransaction } from '../store/engine/transactions.ts'
import { createImportStore } from '../store/imports/import-store.ts'
import { recoverDeletions } from '../worker/cluster/recover-deletions.ts'
import { removeAbandonedUploads } from '../worker/import/remove-leftovers.ts'
import { joinCluster, UNKNOWN_LOCATION } from './join-cluster.ts'

/** How this server, its data directory and its archives are named to its peers. */
export type ServerIdentity = Required<Pick<WorkerSettings, 'owner' | 'node' | 'archivesLocation'>> &
  Pick<WorkerSettings, 'archivesOwner'>

/** Claims the archives for this depot, where other depots may reach them. @throws ConfigError */
export async function identifyServer(
  db: Database,
  storage: StorageConfig,
  archives: ArchiveStorage,
  owner: string
): Promise<ServerIdentity> {
  const node = nodeIdOf(storage.dataDirectory)
  if (!isReachedByOthers(storage)) return { owner, node, archivesLocation: node, archivesOwner: undefined }
  const archivesOwner = await readIdentity(db)
  return { owner, node, archivesLocation: await claim(archives, archivesOwner), archivesOwner }
}

/** The instance lock protects the depot's own data directory. */
function isReachedByOthers({ archivesBucket, archivesDirectory, dataDirectory }: StorageConfig): boolean {
  return archivesBucket !== undefined || path.dirname(archivesDirectory) !== dataDirectory
}

/** Storage that is unavailable is claimed later, before the first write. @throws ConfigError */
async function claim(archives: ArchiveStorage, identity: string): Promise<string> {
  try {
    return await claimArchives(archives, identity)
  } catch (error) {
    if (error instanceof StorageError && error.isTransient) return UNKNOWN_LOCATION
    if (!(error instanceof StorageError)) tolerateSystemError(error)
    throw new ConfigError((error as Error).message, { cause: error })
  }
}

/**
 * Joins the peers, and ends what former processes have left in the repository.
 * @param servers undefined where no peer can use the database
 * @throws ConfigError when the peers keep their archives elsewhere
 */
export async function recover(
  db: Database,
  repositoryDirectory: string,
  identity: ServerIdentity,
  servers: ServerStore | undefined
): Promise<void> {
  const { owner: id, node, archivesLocation: archives } = identity
  if (servers !== undefined) await joinCluster(servers, { id, node, archives })
  else await createImportStore(db).endUploads()
  const peers = new Set((await servers?.others(''))?.map((server) => server.id))
  const repository = createRepositoryDirectory(repositoryDirectory)
  await writeTransaction(db, (trx) => recoverDeletions(trx, repository, (owner) => !peers.has(owner)))
  await removeAbandonedUploads(db, repositoryDirectory, servers === undefined)
}
