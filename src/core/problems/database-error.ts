/**
 * Distinguishes database errors from bugs, and transient from permanent ones, and describes each in a sentence.
 */

/**
 * `away`: there is no connection. `busy`: another writer has the lock. `full`: no space. `forbidden`: it may not be
 * written or opened.
 * `damaged`: it is broken.
 */
export type DatabaseErrorKind = 'away' | 'busy' | 'full' | 'forbidden' | 'disk' | 'damaged'

const KINDS: readonly (readonly [code: RegExp, kind: DatabaseErrorKind])[] = [
  [/^SQLITE_(BUSY|LOCKED)/, 'busy'],
  [/^SQLITE_FULL/, 'full'],
  [/^SQLITE_(READONLY|CANTOPEN|PERM|AUTH)/, 'forbidden'],
  [/^SQLITE_(IOERR|PROTOCOL)/, 'disk'],
  [/^SQLITE_(CORRUPT|NOTADB)/, 'damaged'],
  // The server ends or starts, or has ended the session or the wait; too many connections pass as well.
  [/^POSTGRES_(AWAY|08...|57P..|57014|25P03|53300)$/, 'away'],
  [/^POSTGRES_(40001|40P01|55P03)$/, 'busy'],
  [/^POSTGRES_53/, 'full'],
  [/^POSTGRES_(28|3D|42501|25006)/, 'forbidden'],
  [/^POSTGRES_58/, 'disk'],
  [/^POSTGRES_XX00[12]$/, 'damaged']
]

const SENTENCES: Readonly<Record<DatabaseErrorKind, string>> = {
  away: 'The database is away.',
  busy: 'The database is busy.',
  full: 'There is no space left for the database.',
  forbidden: 'The database cannot be written.',
  disk: 'The disk of the database does not answer as it should.',
  damaged: 'The database is damaged.'
}

/** Undefined for all other errors, which are most likely bugs. */
export function databaseErrorKind(error: unknown): DatabaseErrorKind | undefined {
  const { code } = (error ?? {}) as { code?: unknown }
  if (typeof code !== 'string') return undefined
  return KINDS.find(([pattern]) => pattern.test(code))?.[1]
}

/** Whether the database or its disk is the cause, and not the program. */
export function isDatabaseError(error: unknown): boolean {
  return databaseErrorKind(error) !== undefined
}

/** Whether a later attempt can succeed: another writer is active, or the disk is full or does not answer. */
export function isTransientDatabaseError(error: unknown): boolean {
  const kind = databaseErrorKind(error)
  return kind !== undefined && kind !== 'damaged'
}

/**
 * Whether an immediate retry is right: the database is intact, and only busy or unreachable for the moment.
 */
export function isRetryable(error: unknown): boolean {
  const kind = databaseErrorKind(error)
  return kind === 'busy' || kind === 'away'
}

/** A sentence for callers; it discloses nothing of the machine. */
export function describeDatabaseError(error: unknown): string {
  const kind = databaseErrorKind(error)
  return kind === undefined ? 'The database cannot be used.' : SENTENCES[kind]
}
