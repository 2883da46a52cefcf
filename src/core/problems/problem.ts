/**
 * Every failure that a caller can understand. The core names its kind; only `http` knows status codes.
 */
import { describeDatabaseError, isDatabaseError } from './database-error.ts'
import type { Message } from './message.ts'
import { PROBLEMS, type ProblemCode, type ProblemKind } from './problem-catalogue.ts'

export interface ProblemOptions extends ErrorOptions {
  /** When the same request may succeed. */
  readonly retryAfterSeconds?: number
}

/** A failure that the caller can understand; anything else that is thrown is a bug. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly retryAfterSeconds: number | undefined

  /** `text` is a sentence that names the culprit. */
  constructor(code: ProblemCode, text: string, options?: ProblemOptions) {
    super(text, options)
    this.name = 'Problem'
    this.code = code
    this.retryAfterSeconds = options?.retryAfterSeconds
  }

  get kind(): ProblemKind {
    return PROBLEMS[this.code].kind
  }

  /** The message for the caller. */
  get userMessage(): Message {
    const { id, explanation, recovery } = PROBLEMS[this.code]
    return { id, text: this.message, explanation, recovery }
  }
}

/** The problem from which a message of a failed task was made; undefined for other messages. */
export function problemOfMessage({ id, text, explanation }: Message): Problem | undefined {
  const found = Object.entries(PROBLEMS).find(([, known]) => known.id === id && known.explanation === explanation)
  return found && new Problem(found[0] as ProblemCode, text)
}

/** The problem for a database error; undefined for all other errors. */
export function toDatabaseProblem(error: unknown): Problem | undefined {
  return isDatabaseError(error)
    ? new Problem('DATABASE_UNAVAILABLE', describeDatabaseError(error), { cause: error })
    : undefined
}
