/**
 * Tells troubles of the database from bugs, those that pass from those that stay, and says what is wrong in a sentence.
 */

/**
 * `away`: there is no connection to it. `busy`: somebody else has it. `full`: no space. `forbidden`: it may not be
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

/** Undefined for what is no trouble of the database, but most likely a bug. */
export function databaseErrorKind(error: unknown): DatabaseErrorKind | undefined {
  const { code } = (error ?? {}) as { code?: unknown }
  if (typeof code !== 'string') return undefined
  return KINDS.find(([pattern]) => pattern.test(code))?.[1]
}

/** Whether the database or what it lies on is to blame, and not the program. */
export function isDatabaseError(error: unknown): boolean {
  return databaseErrorKind(error) !== undefined
}

/** Whether trying again later can help: somebody else writes, the disk is full or does not answer. */
export function isTransientDatabaseError(error: unknown): boolean {
  const kind = databaseErrorKind(error)
  return kind !== undefined && kind !== 'damaged'
}

/**
 * Whether nothing is wrong with what was done, nor with the database: somebody else has it, or it is away for a while.
 */
export function isRetryable(error: unknown): boolean {
  const kind = databaseErrorKind(error)
  return kind === 'busy' || kind === 'away'
}

/** A sentence for whoever waits for an answer; it tells nothing of the machine. */
export function describeDatabaseError(error: unknown): string {
  const kind = databaseErrorKind(error)
  return kind === undefined ? 'The database cannot be used.' : SENTENCES[kind]
}
