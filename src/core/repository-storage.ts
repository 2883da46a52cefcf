/** The port behind which the files of the repository are kept: a directory, or a bucket of S3. */
import type { BucketSettings } from './bucket-settings.ts'
import type { FilesPutAside } from './deletion.ts'
import type { ImportChange } from './import.ts'
import type { CatalogProblem } from './package.ts'

/** Where threads find the files that they read, as it is sent to them: the real path of a directory, or a bucket. */
export type RepositoryPlace = string | BucketSettings

/** A file, as a walk sees it. */
export interface SeenFile {
  /** Relative to the repository, with `/`. */
  readonly path: string
  /** Its directory, relative to the repository, empty for the repository itself. */
  readonly directory: string
  readonly name: string
  readonly size: number
  /** Whole seconds since 1970 UTC. */
  readonly modifiedAt: number
  /** Changes whenever the file's content, or its time, can have changed. */
  readonly stamp: string
}

export type Sighting = { readonly file: SeenFile } | { readonly problem: CatalogProblem }

/** What was read of a file, and of which state of it. */
export interface KnownReading {
  readonly stamp: string
  /** Lower-case hex. */
  readonly sha256: string
}

/** What was read of files, by path; those that were never read are missing. */
export type KnownReadings = (paths: readonly string[]) => Promise<ReadonlyMap<string, KnownReading>>

/** An import's changes that are made: either what they have replaced goes for good, or it comes back. */
export interface RepositoryChange extends FilesPutAside {
  /** The new files' stamps, by path, where they are other ones than those of the staged files. */
  readonly stamps?: ReadonlyMap<string, string>
}

export interface RepositorySize {
  /** Bytes that can still be written; `UNBOUNDED_BYTES` where nobody can tell. */
  readonly freeBytes: number
  readonly totalBytes: number
}

/** What is asked of it may reject with `StorageTrouble`, or with the system's error. */
export interface RepositoryStorage {
  /** Asking it takes a network. */
  readonly isRemote: boolean
  /** @throws the system's error when it is not there, as far as that can be told at once */
  place(): RepositoryPlace
  /**
   * Everything that is there, a portion at a time, in no particular order; what is hidden is passed over.
   * @param known what a remote storage need not ask for again
   */
  walk(known: KnownReadings): AsyncIterable<readonly Sighting[]>
  /** What is at these paths, by path; where nothing is, there is no entry. */
  look(paths: readonly string[]): Promise<ReadonlyMap<string, 'file' | 'directory'>>
  /** Copies a file to a new one on the disk. @returns false when it is not there */
  copyTo(path: string, target: string): Promise<boolean>
  /** Takes files out of it: once this resolves, they either go for good or come back, also after a crash. */
  putAside(paths: readonly string[]): Promise<FilesPutAside>
  /**
   * Makes the changes of an import: all of them, or none. A change that has been made before is made again, or passed over.
   * @param staging directory that the staged files are in
   * @returns what takes the changes back, or lets go of what they have replaced
   */
  change(staging: string, changes: readonly ImportChange[], signal: AbortSignal): Promise<RepositoryChange>
  /**
   * Ends what a process that died has begun.
   * @param isKnown of these paths those that the catalog has
   * @param isGone whether a server has, by its id; where only one server can be, all others have
   */
  recover(
    isKnown: (paths: readonly string[]) => Promise<ReadonlySet<string>>,
    isGone?: (server: string) => boolean
  ): Promise<void>
  size(): Promise<RepositorySize>
  /** Whether it can be listed now. @throws what keeps it from that */
  check(): Promise<void>
  /** Lets go of its connections. */
  close(): void
}
