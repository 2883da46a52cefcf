/** Copies a database while other connections write to it. */
import Sqlite from 'better-sqlite3'
import { sql } from 'kysely'
import type { Database } from '../engine/database.ts'

/** More ids than a depot uses between a backup and its restoration. */
const ID_GAP = 1_000_000

/**
 * Writes the current content of the database to `file`. It is one statement on one snapshot: it does not block writers,
 * and writers do not restart it, as they would a copy page by page. Its memory does not grow with the database.
 * @param file an existing, empty file
 */
export async function copyDatabase(db: Database, file: string): Promise<void> {
  await sql`vacuum into ${file}`.execute(db)
}

/**
 * Prepares a copy to replace its original: it skips the ids that the original may have used after the copy was made,
 * because clients may still hold them.
 * @returns the errors of the copy; none when it is intact
 */
export function finishCopy(file: string): string[] {
  const copy = new Sqlite(file, { fileMustExist: true })
  try {
    copy.pragma('journal_mode = MEMORY')
    copy.transaction(() => {
      // A table that never had a row has no sequence.
      copy
        .prepare(
          `insert into sqlite_sequence (name, seq) select name, 0 from sqlite_schema
          where type = 'table' and sql like '%autoincrement%' and name not in (select name from sqlite_sequence)`
        )
        .run()
      copy.prepare('update sqlite_sequence set seq = coalesce(seq, 0) + ?').run(ID_GAP)
    })()
    const lines = copy.prepare<[], string>('pragma quick_check').pluck().all()
    return lines.filter((line) => line !== 'ok')
  } finally {
    copy.close()
  }
}
