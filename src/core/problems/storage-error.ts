/** What can be wrong with the storage of archives, and what it means to whoever asked for one. */
import { Problem } from './problem.ts'

/** Storage that was away is most often back by then. */
const RETRY_SECONDS = 5

/**
 * The storage of archives does not do what it is asked for. The message is a sentence without secrets, for whoever
 * waits.
 */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  /** Whether the same may succeed later, without anybody's help. */
  readonly isTransient: boolean

  constructor(sentence: string, isTransient: boolean) {
    super(sentence)
    this.isTransient = isTransient
  }
}

/**
 * What was there to stay of a growing archive is gone: somebody has removed it, and it has to be packed from its start.
 */
export class PartsLost extends Error {
  override readonly name = 'PartsLost'
}

/** What a caller is told when the storage of archives fails; all other errors as they are. */
export function toArchivesProblem(error: unknown): unknown {
  return error instanceof StorageError
    ? new Problem('ARCHIVES_UNAVAILABLE', error.message, { cause: error, retryAfterSeconds: RETRY_SECONDS })
    : error
}
