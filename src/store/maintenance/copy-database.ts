/** Copies a database that others go on writing to. */
import Sqlite from 'better-sqlite3'
import { sql } from 'kysely'
import type { Database } from '../engine/database.ts'

/** Further than a depot gets between a backup and the day on which it is restored. */
const ID_GAP = 1_000_000

/**
 * Writes what the database holds at this moment into `file`. It is one statement with one view of the database: writers
 * are not held up, and cannot make it begin again, as they would a copy page by page. It needs no memory that grows.
 * @param file is there, and empty
 */
export async function copyDatabase(db: Database, file: string): Promise<void> {
  await sql`vacuum into ${file}`.execute(db)
}

/**
 * Makes a copy fit to take the place of its original: it never gives out an id that the original gave out after it was
 * copied, since somebody may still hold it.
 * @returns what is wrong with the copy; empty when it is sound
 */
export function finishCopy(file: string): string[] {
  const copy = new Sqlite(file, { fileMustExist: true })
  try {
    copy.pragma('journal_mode = MEMORY')
    copy.transaction(() => {
      // A table that never had a row has no sequence yet.
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
