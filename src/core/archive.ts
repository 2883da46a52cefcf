/** Finished archives, as those who download them see them. */
import type { Readable } from 'node:stream'

/** A part of a file: from byte `start` to byte `end`, both included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** An archive that is open for reading; whoever gets one reads it to its end or closes it. */
export interface OpenArchive {
  readonly name: string
  readonly size: number
  readonly modifiedAt: Date
  /** Equal for equal bytes. */
  readonly digest: string
  /** The bytes of a range; closes the archive when it ends or is destroyed. */
  read(range: ByteRange): Readable
  /** For callers who do not read. */
  close(): Promise<void>
}

/** The finished archives. */
export interface Archives {
  /** Undefined when no completed export made an archive of this name. */
  open(name: string): Promise<OpenArchive | undefined>
}
