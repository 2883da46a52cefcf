/** The files that become the content of entries, and their errors. */
import type { PlacedEntry } from './layout.ts'

/** A file that is open for reading. */
export interface EntrySource {
  readonly fd: number
  readonly size: number
}

/** A file that is open for asynchronous reading. */
export interface EntryContent {
  /** Reads from a position into the buffer. @returns the number of bytes read: 0 only at the end */
  readInto(buffer: Uint8Array, position: number): Promise<number>
  close(): Promise<void>
}

/** A file differs from the plan. */
export class SourceChangedError extends Error {
  override readonly name = 'SourceChangedError'
  readonly entry: PlacedEntry

  constructor(entry: PlacedEntry, how: string) {
    super(`${entry.path} has changed: ${how}`)
    this.entry = entry
  }
}

/** A file could not be opened or read; `cause` is the system's error. */
export class SourceUnreadableError extends Error {
  override readonly name = 'SourceUnreadableError'
  readonly entry: PlacedEntry

  constructor(entry: PlacedEntry, cause: unknown) {
    super(`${entry.path} cannot be read: ${(cause as NodeJS.ErrnoException).code ?? (cause as Error).message}`, {
      cause
    })
    this.entry = entry
  }
}
