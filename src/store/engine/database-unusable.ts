/** Why the database cannot be opened, for the operator. */
import fs from 'node:fs'
import path from 'node:path'
import { type DatabaseErrorKind, databaseErrorKind } from '../../core/problems/database-error.ts'

/** The database cannot be opened; the message says why, and what the operator must do. */
export class DatabaseUnusable extends Error {
  override readonly name = 'DatabaseUnusable'
}

type Sentence = (file: string, reason: string) => string

const SENTENCES: Readonly<Record<DatabaseErrorKind, Sentence>> = {
  away: (file, reason) => `The database ${file} cannot be reached: ${reason}.`,
  busy: (file) =>
    `The database ${file} is held by another program. Stop that program, such as a database browser, and start again.`,
  full: (file) =>
    `There is no space left for the database ${file}. Free space in ${path.dirname(file)}, and start again.`,
  forbidden: (file, reason) =>
    `The database ${file} cannot be opened and written: ${reason}. ` +
    `The file and its directory must belong to the user that runs fixdepot, on a volume that can be written.`,
  disk: (file, reason) =>
    `The disk of the database ${file} fails: ${reason}. ` +
    'Check the disk, and that it is not a network share without file locks; then start again.',
  damaged: (file, reason) =>
    `The database ${file} is damaged: ${reason}. Run "fixdepot doctor" to see what is left, and restore a backup; ` +
    'or move the file away, together with its -wal and -shm files, to start with an empty database.'
}

/** The errors of a database in PostgreSQL. The URL is left out: it contains a password. */
const IN_POSTGRES: Readonly<Record<DatabaseErrorKind, string>> = {
  away: 'cannot be reached',
  busy: 'is locked by another program',
  full: 'has no space left',
  forbidden: 'cannot be opened and written',
  disk: 'has a failing disk',
  damaged: 'is damaged'
}

/**
 * Turns an error of the database into a sentence for the operator.
 * @param file undefined for a database in PostgreSQL
 * @returns undefined for an error that is not of the database itself
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

/** Checked here, because better-sqlite3 reports a missing directory without an error code. @throws DatabaseUnusable */
export function checkDirectoryOf(file: string): void {
  const directory = path.dirname(file)
  if (fs.existsSync(directory)) return
  throw new DatabaseUnusable(`The directory ${directory} does not exist. Create it, and start again.`)
}

/** The database was last used by a newer version. */
export function schemaTooNew(file: string | undefined, unknown: readonly string[], newest: string): DatabaseUnusable {
  return new DatabaseUnusable(
    `The database ${file ?? 'of FIXDEPOT_DATABASE_URL'} has the schema ${unknown.at(-1)}, and this version of fixdepot knows none newer than ${newest}. ` +
      'Nothing was changed. Start the version that created it or a newer one, or restore a backup from before the upgrade.'
  )
}

/** The database is the target of an unfinished move of a depot. */
export function moveUnfinished(file: string | undefined): DatabaseUnusable {
  return new DatabaseUnusable(
    `The move of a depot into the database ${file ?? 'of FIXDEPOT_DATABASE_URL'} is not complete. ` +
      'Continue it with fixdepot migrate-store, or empty the database.'
  )
}
