/** The port behind which archives are kept: a directory, or a bucket of S3. */
import type { ArchiveOutput } from '../../zip/archive-output.ts'
import type { ArchiveFile } from '../export/archive-file.ts'
import type { OpenFile } from './open-file.ts'

/** Room that nothing bounds: the largest number that travels as JSON unchanged. */
export const UNBOUNDED_BYTES = Number.MAX_SAFE_INTEGER

/**
 * Finished archives under their names, and those that grow, of which nobody sees anything before they are published.
 * What is asked of it may reject with `StorageTrouble`, or with the system's error.
 */
export interface ArchiveStorage {
  /** Asking it takes a network: nobody is to wait for it who keeps others waiting. */
  readonly isRemote: boolean
  /**
   * Begins an archive, or goes on with what former leases left of it; whatever else they left is removed.
   * @throws the reason of the claim's signal
   */
  resume(claim: ArchiveClaim): Promise<GrowingArchive>
  /** Removes what is unfinished of an archive. */
  removeParts(name: string): Promise<void>
  /** Undefined when there is no such archive. @param digest names its content */
  open(name: string, digest: string): Promise<OpenFile | undefined>
  /**
   * A URL under which anybody who has it reads a finished archive for so many seconds, without asking this server: a
   * secret. Undefined where there is nobody else to read it from.
   */
  temporaryUrl?(name: string, headers: LinkedHeaders, seconds: number): Promise<string>
  /** Whether a finished archive of this size is there. */
  hasWhole(name: string, size: number): Promise<boolean>
  /** What is there whose names are of this server's kind; what else is there is nobody's business. */
  ownFiles(): Promise<ArchiveFile[]>
  /**
   * Removes a finished archive by its name, or any of `ownFiles` by its file name; what is not there is no error. What
   * a finished archive may still need stays with it.
   */
  remove(fileName: string): Promise<void>
  /** Bytes that archives may still take; `UNBOUNDED_BYTES` where nobody can tell. */
  freeBytes(): Promise<number>
  /** Leaves this mark, a line of text, where there is none yet; gives back the one that is there then. */
  claimOwnership(claimOwnership: string): Promise<string>
  /** Whether archives can be read and written now. @throws what keeps them from it */
  check(): Promise<void>
  /** Lets go of its connections; what is under way fails. */
  close(): void
}

/** What is said of an archive by whoever sends it. */
export interface LinkedHeaders {
  readonly contentType: string
  readonly contentDisposition: string
}

/** Which archive a worker is about to write, and what is known of it. */
export interface ArchiveClaim {
  readonly name: string
  /** Of the lease under which it is written; counted from 1 for each archive. */
  readonly token: number
  /** Bytes of the whole archive. */
  readonly size: number
  /** The bytes that are there to stay, as a checkpoint has them; 0 for a new archive. */
  readonly start: number
  /** Aborted when the run is not to go on. */
  readonly signal: AbortSignal
}

/** An archive that is being written. One of `publish`, `discard` and `keep` ends it, once its output has settled. */
export interface GrowingArchive {
  /** Bytes that it has already: as many as were asked for, or none. */
  readonly size: number
  /** A former lease has published it, whole, and died before that was recorded: nothing is missing but `publish`. */
  readonly isPublished: boolean
  /** Takes what comes behind these bytes. @param onDurable told how many of the whole archive are there to stay */
  openOutput(onDurable: (bytes: number) => Promise<void> | void): ArchiveOutput
  /** Makes the archive visible under its name, whole and durable. */
  publish(): Promise<void>
  /** Leaves nothing behind. */
  discard(): Promise<void>
  /** Leaves it for the next one who resumes it. */
  keep(): Promise<void>
}
