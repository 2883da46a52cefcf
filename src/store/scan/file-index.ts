/**
 * What the walk saw, and what was read of it. Readings are kept as they are made, so that a scan that was interrupted
 * reads no file twice; from the first new one on the catalog counts as not current, until it is published.
 */
import { type Expression, type ExpressionBuilder, type Kysely, type SqlBool, sql } from 'kysely'
import type { KnownFile } from '../../core/catalog/assemble-package.ts'
import { bulkInsert, chunks } from '../engine/bulk-insert.ts'
import { either, isAmong, isPairAmong } from '../engine/dialect.ts'
import { isNotIn } from '../engine/other-rows.ts'
import { analyzeTables, indexTemporary } from '../engine/tables.ts'
import { writeTransaction } from '../engine/transactions.ts'
import type { ScanSchema, WalkedFileRow } from './scan-schema.ts'

export interface IndexedFile {
  readonly path: string
  readonly stamp: string
  readonly crc32: number
  readonly sha256: string
  /** JSON of what a metadata file says. */
  readonly contents: string | null
}

/** A file that is to be read. */
export interface UnreadFile {
  readonly path: string
  readonly size: number
  readonly stamp: string
}

/** A file that was read, and the JSON of what it says. */
export interface ReadFile {
  readonly file: KnownFile
  readonly directory: string
  readonly stem: string
  readonly contents: string | null
}

/**
 * PostgreSQL is not to think that this is rare: it would read and sort all files for each page, to find enough of them.
 */
const IS_OF_NOW = either(
  sql<SqlBool>`indexed.stamp = walked_file.stamp`,
  sql<SqlBool>`case when indexed.stamp = walked_file.stamp then true else false end`
)

export type FileIndex = ReturnType<typeof createFileIndex>

/** @param readerVersion files with one of `metadataSuffixes` that an older reader of metadata read are read again */
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

  /** Seen files whose reading is of their present state. */
  function read() {
    return db
      .selectFrom('walked_file')
      .innerJoin('file_index as indexed', (join) => join.onRef('indexed.path', '=', 'walked_file.path').on(IS_OF_NOW))
      .select([
        'walked_file.path',
        'walked_file.directory',
        'walked_file.stem',
        'walked_file.suffix',
        'walked_file.size',
        'walked_file.modified_at',
        'indexed.crc32',
        'indexed.sha256',
        'indexed.contents'
      ])
  }

  /**
   * PostgreSQL does not conclude by itself that both paths are greater, and would read the readings from the first one
   * on.
   */
  function readAfter(path: string) {
    const isRead = either(sql<SqlBool>`true`, sql<SqlBool>`indexed.path > ${path}`)
    return read().where('walked_file.path', '>', path).where(isRead)
  }

  return {
    async addWalked(rows: readonly WalkedFileRow[]): Promise<void> {
      const columns = ['path', 'directory', 'stem', 'suffix', 'size', 'modified_at', 'stamp'] as const
      await bulkInsert(db, 'walked_file', columns, rows)
    },

    /** Called once all files are read, before files are looked up by stem. */
    async indexStems(): Promise<void> {
      await indexTemporary('walked_file_by_stem', 'walked_file', ['directory', 'stem']).execute(db)
      await analyzeTables(db, ['file_index'])
    },

    /** How much there is to read. */
    async unreadTotals(): Promise<{ files: number; bytes: number }> {
      const row = await unread()
        .select((eb) => [
          eb.fn.countAll<number>().as('files'),
          eb.fn.sum<number | null>('walked_file.size').as('bytes')
        ])
        .executeTakeFirstOrThrow()
      return { files: row.files, bytes: row.bytes ?? 0 }
    },

    /** The next files to read, by path. */
    async unreadPage(after: string, limit: number): Promise<UnreadFile[]> {
      return unread()
        .where('walked_file.path', '>', after)
        .select(['walked_file.path', 'walked_file.size', 'walked_file.stamp'])
        .orderBy('walked_file.path')
        .limit(limit)
        .execute()
    },

    /** Nothing to save leaves the catalog current: files that nobody can read are tried with each scan. */
    async save(indexedFiles: readonly IndexedFile[]): Promise<void> {
      if (indexedFiles.length === 0) return
      const columns = ['path', 'stamp', 'crc32', 'sha256', 'contents', 'reader_version'] as const
      const rows = indexedFiles.map((indexed) => ({ ...indexed, reader_version: readerVersion }))
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

    /** Forgets what was once read of files that can no longer be read. */
    async drop(paths: readonly string[]): Promise<void> {
      for (const part of chunks(paths)) {
        await writeTransaction(db, (trx) => deleteFromIndex(trx, (eb) => eb('path', 'in', part)))
      }
    },

    /** Forgets the readings of files that are gone, once all files are seen. */
    async forgetMissing(): Promise<void> {
      await analyzeTables(db, ['walked_file'])
      await writeTransaction(db, (trx) =>
        deleteFromIndex(trx, () => isNotIn('file_index.path', { table: 'walked_file', column: 'path' }))
      )
    },

    /** Metadata files, by path. */
    async describedPage(after: string, limit: number): Promise<ReadFile[]> {
      const rows = await readAfter(after)
        .where('indexed.contents', 'is not', null)
        .orderBy('walked_file.path')
        .limit(limit)
        .execute()
      return rows.map(toReadFile)
    },

    /** The files whose names begin with one of these stems, in the stem's directory. */
    async filesWithStems(keys: readonly { directory: string; stem: string }[]): Promise<ReadFile[]> {
      const pairs = keys.map(({ directory, stem }) => [directory, stem] as const)
      const rows = await read()
        .where(isPairAmong(['walked_file.directory', 'walked_file.stem'], pairs))
        .orderBy('walked_file.path')
        .execute()
      return rows.map(toReadFile)
    },

    async filesAt(paths: readonly string[]): Promise<KnownFile[]> {
      const rows = await read().where(isAmong('walked_file.path', paths)).execute()
      return rows.map((row) => toReadFile(row).file)
    },

    /** Files that were read and that no package claimed, by path. */
    async unclaimedPage(
      after: string,
      limit: number
    ): Promise<{ path: string; suffix: string; contents: string | null }[]> {
      return readAfter(after)
        .where(isNotIn('walked_file.path', { table: 'claimed_file', column: 'path' }))
        .orderBy('walked_file.path')
        .limit(limit)
        .execute()
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

interface ReadRow {
  path: string
  directory: string
  stem: string
  suffix: string
  size: number
  modified_at: number
  crc32: number
  sha256: string
  contents: string | null
}

function toReadFile(row: ReadRow): ReadFile {
  const { path, directory, stem, suffix, size, crc32, sha256, contents } = row
  return { file: { path, suffix, size, crc32, sha256, modifiedAt: row.modified_at }, directory, stem, contents }
}
