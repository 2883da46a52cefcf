/** Takes the bytes of an archive in order; the storage of archives implements it. */
export interface ArchiveOutput {
  /** Bytes of the archive so far, including those before the checkpoint. */
  readonly position: number
  /** Another run can resume at multiples of this number of bytes only; undefined: anywhere. */
  readonly checkpointEvery?: number
  /** Free space for the next bytes, at least one. Bytes put there count once `advance` is called. */
  space(): Promise<Buffer>
  /** Takes this number of bytes, which the caller has put into `space()`. */
  advance(bytes: number): void
  /** Copies bytes in. */
  append(bytes: Buffer): Promise<void>
  /** Resolves when everything is written, and durable if the output is durable. */
  end(): Promise<void>
  /** Waits until no operation is in progress, also after a failure. Never throws. */
  settle(): Promise<void>
}
