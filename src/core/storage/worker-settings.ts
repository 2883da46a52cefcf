import type { UserLimits } from '../accounts/protection.ts'
import type { StorageConfig } from './storage-config.ts'

/** What the threads of the worker are started with; plain values, since it is copied into each of them. */
export interface WorkerSettings extends StorageConfig {
  /** Identifies the depot that owns the archives, where other depots can reach them; otherwise undefined. */
  readonly archivesOwner?: string | undefined
  /** Names this process among all that ever use the database: the owner of its leases. */
  readonly owner: string
  /** Names the data directory among those of the servers that share a database. */
  readonly node?: string
  /** Identifies the location of the archives; equal for all these servers. */
  readonly archivesLocation?: string
  readonly userLimits: UserLimits
}

/** Names this server in what it leaves in the repository, where other servers see it. */
export function ownerToShow({ databaseUrl, owner }: WorkerSettings): string {
  return databaseUrl === undefined ? '' : owner
}
