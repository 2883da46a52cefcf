/** The port to the storage of archives: a directory, or an S3 bucket. */
import type { ArchiveOutput } from '../../zip/archive-output.ts'
import type { ArchiveFile } from './archive-file.ts'
import type { OpenFile } from './open-file.ts'

/** Unlimited space: the largest number that JSON transfers unchanged. */
export const UNBOUNDED_BYTES = Number.MAX_SAFE_INTEGER

/**
 * Stores finished archives under their names, and growing ones, which are not visible before they are published. All
 * methods may reject with `StorageError`, or with the system's error.
 */
export interface ArchiveStorage {
  /** Calls go over the network: never await them inside a transaction. */
  readonly isRemote: boolean
  /**
   * Creates an archive, or continues what former leases have written of it; all else that they left is removed.
   * @throws the reason of the claim's signal
   */
  resume(claim: ArchiveClaim): Promise<GrowingArchive>
  /** Removes the unfinished parts of an archive. */
  removeParts(name: string): Promise<void>
  /** Undefined when there is no such archive. @param digest identifies its content */
  open(name: string, digest: string): Promise<OpenFile | undefined>
  /**
   * A URL with which every client can read a finished archive for this number of seconds, without this server: a
   * secret. Undefined for storage that only this server can read.
   */
  temporaryUrl?(name: string, headers: LinkedHeaders, seconds: number): Promise<string>
  /** Whether a finished archive of this size exists. */
  hasWhole(name: string, size: number): Promise<boolean>
  /** The files whose names this software gives; foreign files are left alone. */
  ownFiles(): Promise<ArchiveFile[]>
  /**
   * Removes a finished archive by its name, or one of `ownFiles` by its file name; a missing file is no error. Parts
   * that a finished archive may still need are kept.
   */
  remove(fileName: string): Promise<void>
  /** Bytes that archives may still use; `UNBOUNDED_BYTES` where the storage does not know. */
  freeBytes(): Promise<number>
  /** Writes this ownership marker, a line of text, if there is none yet. @returns the marker that is there now */
  claimOwnership(marker: string): Promise<string>
  /** Checks that archives can be read and written. @throws the reason why not */
  check(): Promise<void>
  /** Closes all connections; requests in progress fail. */
  close(): void
}

/** Headers that the storage sends with a linked archive. */
export interface LinkedHeaders {
  readonly contentType: string
  readonly contentDisposition: string
}

/** The archive that a worker is about to write. */
export interface ArchiveClaim {
  readonly name: string
  /** The token of the lease; counted from 1 for each archive. */
  readonly token: number
  /** Bytes of the whole archive. */
  readonly size: number
  /** The durable bytes at the checkpoint; 0 for a new archive. */
  readonly start: number
  /** Aborted to stop the run. */
  readonly signal: AbortSignal
}

/** An archive that is being written. One of `publish`, `discard` and `keep` ends it, once its output has settled. */
export interface GrowingArchive {
  /** Bytes that it has already: `start`, or 0. */
  readonly size: number
  /** A former lease has published the whole archive, and died before that was recorded: only `publish` is missing. */
  readonly isPublished: boolean
  /** Opens the output of the bytes after `size`. @param onDurable called with the durable bytes of the whole archive */
  openOutput(onDurable: (bytes: number) => Promise<void> | void): ArchiveOutput
  /** Makes the whole archive visible under its name, and durable. */
  publish(): Promise<void>
  /** Removes the archive. */
  discard(): Promise<void>
  /** Keeps what is written for the next run. */
  keep(): Promise<void>
}
