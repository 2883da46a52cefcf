/** Errors of the storage of archives, and the problems that callers get for them. */
import { Problem } from './problem.ts'

/** Storage that was unreachable is usually back by then. */
const RETRY_SECONDS = 5

/**
 * The storage of archives failed. The message is a sentence for callers, without secrets.
 */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  /** Whether the same operation may succeed later without intervention. */
  readonly isTransient: boolean

  constructor(sentence: string, isTransient: boolean) {
    super(sentence)
    this.isTransient = isTransient
  }
}

/**
 * The durable part of a growing archive was removed by another program: the archive is packed from its start.
 */
export class PartsLost extends Error {
  override readonly name = 'PartsLost'
}

/** The problem for an error of the storage of archives; all other errors are returned unchanged. */
export function toArchivesProblem(error: unknown): unknown {
  return error instanceof StorageError
    ? new Problem('ARCHIVES_UNAVAILABLE', error.message, { cause: error, retryAfterSeconds: RETRY_SECONDS })
    : error
}
