/** What the doctor reads of a database, which may be damaged. Writes go to a temporary table only. */

import { sql } from 'kysely'
import { databaseErrorKind } from '../../core/problems/database-error.ts'
import type { ArchiveState } from '../../core/storage/archive-file.ts'
import { bulkInsert } from '../engine/bulk-insert.ts'
import type { Database } from '../engine/database.ts'
import { isAmong } from '../engine/dialect.ts'
import { appliedMigrations } from '../engine/migrations.ts'
import { createTemporary } from '../engine/tables.ts'

const PAGE = 500

export interface DanglingRows {
  readonly table: string
  /** The table that lacks the rows that are referred to. */
  readonly parent: string
  readonly count: number
}

export interface KeptArchive {
  readonly planId: number
  readonly name: string
  readonly size: number
}

/** A file as the walk reports it. */
export interface InspectedFile {
  readonly path: string
  readonly stamp: string
}

export interface ChangedFile {
  readonly path: string
  readonly isNew: boolean
}

export type InspectionStore = ReturnType<typeof createInspectionStore>

export function createInspectionStore(db: Database) {
  return {
    /** The damages of the file, including indexes that lack a row: one line each, at most 100. */
    async damages(): Promise<string[]> {
      try {
        const { rows } = await sql<{ integrity_check: string }>`pragma integrity_check`.execute(db)
        return rows.map((row) => row.integrity_check).filter((line) => line !== 'ok')
      } catch (error) {
        // The check itself fails on some damages.
        if (databaseErrorKind(error) === 'damaged') return [(error as Error).message]
        throw error
      }
    },

    /** Rows that refer to missing rows. */
    async danglingRows(): Promise<DanglingRows[]> {
      const { rows } = await sql<DanglingRows>`
        select "table", parent, count(*) as count from pragma_foreign_key_check group by "table", parent
      `.execute(db)
      return rows
    },

    /** The names of the migrations that the database has. */
    appliedMigrations: (): Promise<string[]> => appliedMigrations(db),

    /** Pages of the archives that should be in the storage. */
    async *keptArchivePages(): AsyncGenerator<KeptArchive[]> {
      for (let after = 0, more = true; more; ) {
        const rows = await db
          .selectFrom('plan')
          .select(['id', 'archive_name', 'archive_size'])
          .where('archive_state', '=', 'kept')
          .where('id', '>', after)
          .orderBy('id')
          .limit(PAGE)
          .execute()
        yield rows.map((row) => ({ planId: row.id, name: row.archive_name ?? '', size: row.archive_size }))
        after = rows.at(-1)?.id ?? after
        more = rows.length === PAGE
      }
    },

    /** The states of the archives with these names; unknown names are left out. */
    async archiveStates(names: readonly string[]): Promise<Map<string, ArchiveState>> {
      const rows = await db
        .selectFrom('plan')
        .select(['archive_name', 'archive_state'])
        .where(isAmong('archive_name', names))
        .execute()
      return new Map(rows.map((row) => [row.archive_name ?? '', row.archive_state as ArchiveState]))
    },

    /** Whether the repository was ever scanned, and whether the catalog was made from all indexed files. */
    async catalogState(): Promise<{ isRead: boolean; isCurrent: boolean }> {
      const row = await db.selectFrom('catalog').select(['read_at', 'is_current']).executeTakeFirstOrThrow()
      return { isRead: row.read_at !== null, isCurrent: row.is_current === 1 }
    },

    async beginFiles(): Promise<void> {
      await createTemporary(db, 'inspected_file', { path: 'text', stamp: 'text' }, ['path'])
    },

    async addFiles(files: readonly InspectedFile[]): Promise<void> {
      const rows = files.map(({ path, stamp }) => ({ path, stamp }))
      await bulkInsert(db, 'inspected_file', ['path', 'stamp'], rows)
    },

    /** Files that are new or have changed since they were indexed, except those that the last scan could not read. */
    changedPages(): AsyncGenerator<ChangedFile[]> {
      return pages(async (after) => {
        const { rows } = await sql<{ path: string; is_new: number }>`
          select walked.path, case when indexed.path is null then 1 else 0 end as is_new
          from inspected_file as walked left join file_index as indexed on indexed.path = walked.path
          where walked.path > ${after} and indexed.stamp is distinct from walked.stamp and not exists (
            select 1 from catalog_problem where path = walked.path and code = 'unreadable'
          )
          order by walked.path limit ${PAGE}
        `.execute(db)
        return rows.map((row) => ({ path: row.path, isNew: row.is_new === 1 }))
      })
    },

    /** Indexed files that are missing. */
    missingPages(): AsyncGenerator<{ path: string }[]> {
      return pages(async (after) => {
        const { rows } = await sql<{ path: string }>`
          select path from file_index
          where path > ${after} and path not in (select path from inspected_file)
          order by path limit ${PAGE}
        `.execute(db)
        return rows
      })
    }
  }
}

async function* pages<Row extends { path: string }>(page: (after: string) => Promise<Row[]>): AsyncGenerator<Row[]> {
  for (let after = '', more = true; more; ) {
    const rows = await page(after)
    yield rows
    after = rows.at(-1)?.path ?? after
    more = rows.length === PAGE
  }
}
