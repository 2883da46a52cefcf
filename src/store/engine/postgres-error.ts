/** Errors of PostgreSQL in the words of this program. */

/** A statement that PostgreSQL refused, or could not be asked for. Without details: these tell what was in the row. */
export class PostgresError extends Error {
  override readonly name = 'PostgresError'
  /** `POSTGRES_` with the five signs of SQLSTATE, or `POSTGRES_AWAY`: there is no connection. */
  readonly code: string

  constructor(message: string, code: string) {
    super(message)
    this.code = code
  }
}

const SQLSTATE = /^[0-9A-Z]{5}$/

/** A table that is not there. */
const UNDEFINED_TABLE = '42P01'

/**
 * @param error of the driver. What has no SQLSTATE went wrong with the connection
 * @param isLaterConnection whether there was another one before: temporary tables went with it
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
