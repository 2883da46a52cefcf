/** The content of entries: where it comes from, and what can be wrong with it. */
import type { EntryFacts } from './layout.ts'

/** An entry and its place, as the plan has it. */
export interface PlacedEntry extends EntryFacts {
  /** Number of the entry, from 0. */
  readonly position: number
  /** Where its local header begins. */
  readonly offset: number
}

/** The content of an entry: a file that is open for reading. */
export interface EntrySource {
  readonly fd: number
  readonly size: number
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
