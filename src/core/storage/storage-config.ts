import type { UserLimits } from '../accounts/protection.ts'

/**
 * Where the depot keeps its data. Worker threads get a copy: it holds plain values only, and never the administrator's
 * password.
 */
export interface StorageConfig {
  readonly dataDirectory: string
  readonly databaseFile: string
  /** Of PostgreSQL, which replaces the file; it contains a password. */
  readonly databaseUrl?: string | undefined
  /** The operator's files. */
  readonly repositoryDirectory: string
  readonly archivesDirectory: string
  /** Of archives that are not in the directory. */
  readonly archivesBucket?: BucketSettings | undefined
  /** Bytes that the repository may use; undefined: all of its volume. */
  readonly allotmentBytes?: number | undefined
  /** How long finished archives are kept, in milliseconds. */
  readonly archiveTtlMs: number
}

/** A location in storage that speaks S3. The SDK reads the credentials from its own chain of sources. */
export interface BucketSettings {
  readonly bucket: string
  /** Prefix of all keys: empty, or with a slash at its end. */
  readonly prefix: string
  /** Undefined: the endpoint of AWS. */
  readonly endpoint: string | undefined
  /** Undefined: the region of the SDK's own chain. */
  readonly region: string | undefined
  /** The bucket is the first part of the path, and not of the host name. */
  readonly isPathStyle: boolean
}

/** What each worker starts with. These are plain values, because each thread and process gets a copy. */
export interface WorkerSettings extends StorageConfig {
  /** Identifies the depot that owns the archives; undefined when no other depot can reach them. */
  readonly archivesOwner?: string | undefined
  /** Identifies this process among all that ever use the database: the owner of its leases. */
  readonly owner: string
  /** Identifies the data directory among those of the servers that share a database. */
  readonly node?: string
  /** Identifies the location of the archives, which is the same for all these servers. */
  readonly archivesLocation?: string
  readonly userLimits: UserLimits
}

/** The owner name that this server writes into the repository, where its peers see it; empty without peers. */
export function ownerToShow({ databaseUrl, owner }: WorkerSettings): string {
  return databaseUrl === undefined ? '' : owner
}
