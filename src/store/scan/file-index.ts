/**
 * The walked files, and the file index. Files are saved to the index as they are read, so that an interrupted scan
 * reads no file twice. The first new file makes the catalog outdated until the next publication.
 */
import { type Expression, type ExpressionBuilder, type Kysely, type SqlBool, sql } from 'kysely'
import { bulkInsert, chunks } from '../engine/bulk-insert.ts'
import { isNotIn } from '../engine/other-rows.ts'
import { analyzeTables } from '../engine/tables.ts'
import { writeTransaction } from '../engine/transactions.ts'
import type { ScanSchema, WalkedFileRow } from './scan-schema.ts'

export interface IndexedFile {
  readonly path: string
  readonly stamp: string
  readonly crc32: number
  readonly sha256: string
  /** The content of a metadata file as JSON; null for other files. */
  readonly contents: string | null
}

/** A file to read. */
export interface UnreadFile {
  readonly path: string
  readonly size: number
  readonly stamp: string
}

export type FileIndex = ReturnType<typeof createFileIndex>

/**
 * @param readerVersion version of the metadata reader: files with one of `metadataSuffixes` that another version has
 * read are read again
 */
export function createFileIndex(db: Kysely<ScanSchema>, readerVersion: number, metadataSuffixes: readonly string[]) {
  function unread() {
    return db
      .selectFrom('walked_file')
      .leftJoin('file_index as indexed', 'indexed.path', 'walked_file.path')
      .where((eb) =>
        eb.or([
          eb('indexed.path', 'is', null),
          eb('indexed.stamp', '<>', eb.ref('walked_file.stamp')),
          eb.and([eb('indexed.reader_version', '<>', readerVersion), eb('walked_file.suffix', 'in', metadataSuffixes)])
        ])
      )
  }

  return {
    async addWalked(rows: readonly WalkedFileRow[]): Promise<void> {
      const columns = ['path', 'directory', 'stem', 'suffix', 'size', 'modified_at', 'stamp'] as const
      await bulkInsert(db, 'walked_file', columns, rows)
    },

    /** Number and bytes of the files to read. */
    async unreadTotals(): Promise<{ files: number; bytes: number }> {
      const row = await unread()
        .select((eb) => [
          eb.fn.countAll<number>().as('files'),
          eb.fn.sum<number | null>('walked_file.size').as('bytes')
        ])
        .executeTakeFirstOrThrow()
      return { files: row.files, bytes: row.bytes ?? 0 }
    },

    /** The files to read after this path, by path. */
    async unreadPage(after: string, limit: number): Promise<UnreadFile[]> {
      return unread()
        .where('walked_file.path', '>', after)
        .select(['walked_file.path', 'walked_file.size', 'walked_file.stamp'])
        .orderBy('walked_file.path')
        .limit(limit)
        .execute()
    },

    /** Saves files that were read. Without any, the catalog remains current: each scan tries unreadable files again. */
    async save(files: readonly IndexedFile[]): Promise<void> {
      if (files.length === 0) return
      const columns = ['path', 'stamp', 'crc32', 'sha256', 'contents', 'reader_version'] as const
      const rows = files.map((file) => ({ ...file, reader_version: readerVersion }))
      await writeTransaction(db, async (trx) => {
        await trx.updateTable('catalog').set({ is_current: 0 }).execute()
        await bulkInsert(
          trx,
          'file_index',
          columns,
          rows,
          sql`on conflict (path) do update set stamp = excluded.stamp, crc32 = excluded.crc32, sha256 = excluded.sha256,
            contents = excluded.contents, reader_version = excluded.reader_version`
        )
      })
    },

    /** Deletes files from the index that can no longer be read. */
    async drop(paths: readonly string[]): Promise<void> {
      for (const part of chunks(paths)) {
        await writeTransaction(db, (trx) => deleteFromIndex(trx, (eb) => eb('path', 'in', part)))
      }
    },

    /** Deletes files from the index that the complete walk has not reported. */
    async forgetMissing(): Promise<void> {
      await analyzeTables(db, ['walked_file'])
      await writeTransaction(db, (trx) =>
        deleteFromIndex(trx, () => isNotIn('file_index.path', { table: 'walked_file', column: 'path' }))
      )
    }
  }
}

async function deleteFromIndex(
  trx: Kysely<ScanSchema>,
  which: (eb: ExpressionBuilder<ScanSchema, 'file_index'>) => Expression<SqlBool>
): Promise<void> {
  const { numDeletedRows } = await trx.deleteFrom('file_index').where(which).executeTakeFirstOrThrow()
  if (numDeletedRows > 0n) await trx.updateTable('catalog').set({ is_current: 0 }).execute()
}
