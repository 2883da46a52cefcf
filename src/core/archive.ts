/** Finished archives, as those who download them see them. */

/** A part of a file: from byte `start` to byte `end`, both included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** An archive that is open for reading; whoever gets one closes it. */
export interface OpenArchive {
  readonly name: string
  readonly size: number
  readonly modifiedAt: Date
  /** Equal for equal bytes. */
  readonly digest: string
  /** Reads from a position into the buffer, and gives back how many bytes these were: 0 only at the end. */
  readInto(buffer: Uint8Array, position: number): Promise<number>
  close(): Promise<void>
}

/** The finished archives. */
export interface Archives {
  /** Undefined when no completed export made an archive of this name. @throws Problem ARCHIVE_GONE when it is not kept any more */
  open(name: string): Promise<OpenArchive | undefined>
}
