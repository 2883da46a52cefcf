/** Identifies this server to its peers, and ends what former processes left, before the workers start. */
import path from 'node:path'
import { ConfigError } from '../config/config-error.ts'
import type { ArchiveStorage } from '../core/archive-storage.ts'
import { StorageTrouble } from '../core/archive-trouble.ts'
import type { StorageConfig } from '../core/storage-config.ts'
import { nodeIdOf } from '../files/node-id.ts'
import { createRepositoryDirectory } from '../files/repository-directory.ts'
import { joinServers, UNKNOWN_PLACE } from '../join-servers.ts'
import type { Depot as Database } from '../store/database.ts'
import { writeTransaction } from '../store/durable-transaction.ts'
import { readIdentity } from '../store/identity-store.ts'
import { createImportStore } from '../store/import-store.ts'
import type { ServerStore } from '../store/server-store.ts'
import { claimArchives } from '../worker/own-archives.ts'
import { recoverDeletions, removeAbandonedUploads, tolerateTrouble } from '../worker/recover-repository.ts'
import type { WorkerSettings } from '../worker/settings.ts'

/** How this server, its data directory and its archives are named to its peers. */
export type ServerIdentity = Required<Pick<WorkerSettings, 'owner' | 'node' | 'archivesPlace'>> &
  Pick<WorkerSettings, 'archivesOwner'>

/** Claims the archives for this depot, where other depots may reach them. @throws ConfigError */
export async function identifyServer(
  db: Database,
  storage: StorageConfig,
  archives: ArchiveStorage,
  owner: string
): Promise<ServerIdentity> {
  const node = nodeIdOf(storage.dataDirectory)
  if (!isReachedByOthers(storage)) return { owner, node, archivesPlace: node, archivesOwner: undefined }
  const archivesOwner = await readIdentity(db)
  return { owner, node, archivesPlace: await claim(archives, archivesOwner), archivesOwner }
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
    if (error instanceof StorageTrouble && error.isPassing) return UNKNOWN_PLACE
    if (!(error instanceof StorageTrouble)) tolerateTrouble(error)
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
  const { owner: id, node, archivesPlace: archives } = identity
  if (servers !== undefined) await joinServers(servers, { id, node, archives })
  else await createImportStore(db).endUploads()
  const peers = new Set((await servers?.others(''))?.map((server) => server.id))
  const repository = createRepositoryDirectory(repositoryDirectory)
  await writeTransaction(db, (trx) => recoverDeletions(trx, repository, (owner) => !peers.has(owner)))
  await removeAbandonedUploads(db, repositoryDirectory, servers === undefined)
}
