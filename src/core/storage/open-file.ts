/** Files that are sent to those who download them: archives, and files of the repository. */

/** A part of a file: from byte `start` to byte `end`, both included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** A file that is open for reading; the caller closes it. */
export interface OpenFile {
  /** Without directories. */
  readonly name: string
  readonly size: number
  readonly modifiedAt: Date
  /** Equal for equal bytes. */
  readonly digest: string
  readonly contentType: string
  /**
   * Reads from a position into the buffer, and gives back how many bytes these were: 0 only at the end.
   * @param end the last byte that the reader will want, where it knows: no more has to be fetched from far away
   */
  readInto(buffer: Uint8Array, position: number, end?: number): Promise<number>
  close(): Promise<void>
}
