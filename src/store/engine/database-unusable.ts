/** Why the database cannot be opened, for the operator. */
import fs from 'node:fs'
import path from 'node:path'
import { type DatabaseErrorKind, databaseErrorKind } from '../../core/problems/database-error.ts'

/** The database cannot be opened; the message says what is wrong, and what the operator does. */
export class DatabaseUnusable extends Error {
  override readonly name = 'DatabaseUnusable'
}

type Sentence = (file: string, reason: string) => string

const SENTENCES: Readonly<Record<DatabaseErrorKind, Sentence>> = {
  away: (file, reason) => `The database ${file} cannot be reached: ${reason}.`,
  busy: (file) =>
    `The database ${file} is held by another program. End that program, such as a database browser, and start again.`,
  full: (file) =>
    `There is no space left for the database ${file}. Make room in ${path.dirname(file)}, and start again.`,
  forbidden: (file, reason) =>
    `The database ${file} cannot be opened and written: ${reason}. ` +
    `The file and its directory must belong to the user that runs fixdepot, on a volume that can be written.`,
  disk: (file, reason) =>
    `The disk of the database ${file} does not answer as it should: ${reason}. ` +
    'Check the disk, and that it is not a network share without file locks; then start again.',
  damaged: (file, reason) =>
    `The database ${file} is damaged: ${reason}. See with "fixdepot doctor" what is left of it, and restore a backup; ` +
    'or move the file away, together with -wal and -shm beside it, to begin anew.'
}

/** What is wrong with a database in PostgreSQL. Its URL is not said: there is a password in it. */
const IN_POSTGRES: Readonly<Record<DatabaseErrorKind, string>> = {
  away: 'cannot be reached',
  busy: 'is held by somebody else',
  full: 'has no space left',
  forbidden: 'cannot be opened and written',
  disk: 'has a disk that does not answer as it should',
  damaged: 'is damaged'
}

/**
 * What an operator is told instead of this error; undefined when the database is not to blame for it.
 * @param file undefined for a database in PostgreSQL
 */
export function toUnusable(file: string | undefined, error: unknown): DatabaseUnusable | undefined {
  const kind = databaseErrorKind(error)
  if (kind === undefined) return undefined
  const reason = (error as Error).message
  const text =
    file === undefined
      ? `The PostgreSQL database of FIXDEPOT_DATABASE_URL ${IN_POSTGRES[kind]}: ${reason}.`
      : SENTENCES[kind](file, reason)
  return new DatabaseUnusable(text, { cause: error })
}

/** better-sqlite3 says this in an error without a code. @throws DatabaseUnusable */
export function checkDirectoryOf(file: string): void {
  const directory = path.dirname(file)
  if (fs.existsSync(directory)) return
  throw new DatabaseUnusable(`The directory ${directory} is not there. Create it, and start again.`)
}

/** The database was last used by a version that knows more than this one. */
export function schemaTooNew(file: string | undefined, unknown: readonly string[], newest: string): DatabaseUnusable {
  return new DatabaseUnusable(
    `The database ${file ?? 'of FIXDEPOT_DATABASE_URL'} has the schema ${unknown.at(-1)}, and this version of fixdepot knows none newer than ${newest}. ` +
      'Nothing was changed. Start the version that made it or a newer one, or restore a backup from before the upgrade.'
  )
}

/** A depot is being moved into the database, and not all of it is there. */
export function moveUnfinished(file: string | undefined): DatabaseUnusable {
  return new DatabaseUnusable(
    `A depot is being moved into the database ${file ?? 'of FIXDEPOT_DATABASE_URL'}, and not all of it is there. ` +
      'Go on with fixdepot migrate-store, or empty the database.'
  )
}
