/** Errors of PostgreSQL with codes of this program. */

/**
 * A statement that PostgreSQL rejected, or that did not reach it. Details are left out: they contain values of the row.
 */
export class PostgresError extends Error {
  override readonly name = 'PostgresError'
  /** `POSTGRES_` with the five characters of SQLSTATE, or `POSTGRES_AWAY`: there is no connection. */
  readonly code: string

  constructor(message: string, code: string) {
    super(message)
    this.code = code
  }
}

const SQLSTATE = /^[0-9A-Z]{5}$/

/** The table does not exist. */
const UNDEFINED_TABLE = '42P01'

/**
 * @param error of the driver; without SQLSTATE it is an error of the connection
 * @param isLaterConnection whether the connection replaces a lost one, whose temporary tables are lost
 */
export function toPostgresError(error: unknown, isLaterConnection = false): PostgresError {
  if (error instanceof PostgresError) return error
  const { code, message } = error as { code?: unknown; message?: unknown }
  const isStatement = typeof code === 'string' && SQLSTATE.test(code) && 'severity' in (error as object)
  if (!isStatement || (code === UNDEFINED_TABLE && isLaterConnection)) {
    return new PostgresError(String(message || code), 'POSTGRES_AWAY')
  }
  return new PostgresError(String(message), `POSTGRES_${code}`)
}
