import type { BucketSettings } from './bucket-settings.ts'

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
