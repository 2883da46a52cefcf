/** The content of entries: where it comes from, and what can be wrong with it. */
import type { EntryFacts } from './layout.ts'

/** An entry and its place, as the plan has it. */
export interface PlacedEntry extends EntryFacts {
  /** Number of the entry, from 0. */
  readonly position: number
  /** Where its local header begins. */
  readonly offset: number
}

/** The content of an entry, open for reading: a file of this machine, or one that is not here. */
export type EntrySource = LocalSource | FarSource

export interface LocalSource {
  readonly fd: number
  readonly size: number
}

export interface FarSource {
  readonly size: number
  /**
   * Reads from a position into the buffer, and gives back how many bytes these were: 0 only at the end.
   * @param end the last byte that is wanted for now
   * @throws SourceChangedError, SourceUnreadableError
   */
  readInto(buffer: Buffer, position: number, end: number): Promise<number>
  /** Where an output may find the content by itself. It is the content that was planned, or taking it from there fails. */
  readonly origin?: () => Promise<object>
  close(): Promise<void>
}

/** A file is not what the plan says it is. */
export class SourceChangedError extends Error {
  override readonly name = 'SourceChangedError'
  readonly entry: PlacedEntry

  constructor(entry: PlacedEntry, how: string) {
    super(`${entry.name} has changed: ${how}`)
    this.entry = entry
  }
}

/** A file could not be opened or read; `cause` is the system's error. */
export class SourceUnreadableError extends Error {
  override readonly name = 'SourceUnreadableError'
  readonly entry: PlacedEntry

  constructor(entry: PlacedEntry, cause: unknown) {
    super(`${entry.name} cannot be read: ${(cause as NodeJS.ErrnoException).code ?? (cause as Error).message}`, {
      cause
    })
    this.entry = entry
  }
}
