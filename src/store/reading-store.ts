/**
 * What the walk saw, and what was read of it. Readings are kept as they are made, so that a scan that was interrupted reads
 * no file twice; from the first new one on the catalog counts as not current, until it is published.
 */
import { type Expression, type ExpressionBuilder, type Kysely, type SqlBool, sql } from 'kysely'
import type { KnownFile } from '../core/assemble-package.ts'
import { bulkInsert } from './bulk-insert.ts'
import { chunks } from './chunks.ts'
import { either, indexTemporary, isAmong, isPairAmong } from './dialect.ts'
import { writeTransaction } from './durable-transaction.ts'
import { isNotIn } from './other-rows.ts'
import type { ScanSchema, SeenFileRow } from './scan-schema.ts'
import { countRows } from './table-statistics.ts'

export interface FileReading {
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

/** PostgreSQL is not to think that this is rare: it would read and sort all files for each page, to find enough of them. */
const IS_OF_NOW = either(
  sql<SqlBool>`reading.stamp = seen_file.stamp`,
  sql<SqlBool>`case when reading.stamp = seen_file.stamp then true else false end`
)

export type ReadingStore = ReturnType<typeof createReadingStore>

/** @param readerVersion files with one of `metadataSuffixes` that an older reader of metadata read are read again */
export function createReadingStore(db: Kysely<ScanSchema>, readerVersion: number, metadataSuffixes: readonly string[]) {
  function unread() {
    return db
      .selectFrom('seen_file')
      .leftJoin('file_reading as reading', 'reading.path', 'seen_file.path')
      .where((eb) =>
        eb.or([
          eb('reading.path', 'is', null),
          eb('reading.stamp', '<>', eb.ref('seen_file.stamp')),
          eb.and([eb('reading.reader_version', '<>', readerVersion), eb('seen_file.suffix', 'in', metadataSuffixes)])
        ])
      )
  }

  /** Seen files whose reading is of their present state. */
  function read() {
    return db
      .selectFrom('seen_file')
      .innerJoin('file_reading as reading', (join) => join.onRef('reading.path', '=', 'seen_file.path').on(IS_OF_NOW))
      .select([
        'seen_file.path',
        'seen_file.directory',
        'seen_file.stem',
        'seen_file.suffix',
        'seen_file.size',
        'seen_file.modified_at',
        'reading.crc32',
        'reading.sha256',
        'reading.contents'
      ])
  }

  /** PostgreSQL does not conclude by itself that both paths are greater, and would read the readings from the first one on. */
  function readAfter(path: string) {
    const isRead = either(sql<SqlBool>`true`, sql<SqlBool>`reading.path > ${path}`)
    return read().where('seen_file.path', '>', path).where(isRead)
  }

  return {
    async addSeen(rows: readonly SeenFileRow[]): Promise<void> {
      const columns = ['path', 'directory', 'stem', 'suffix', 'size', 'modified_at', 'stamp'] as const
      await bulkInsert(db, 'seen_file', columns, rows)
    },

    /** Called once all files are read, before files are looked up by stem. */
    async indexStems(): Promise<void> {
      await indexTemporary('seen_file_by_stem', 'seen_file', ['directory', 'stem']).execute(db)
      await countRows(db, ['file_reading'])
    },

    /** How much there is to read. */
    async unreadTotals(): Promise<{ files: number; bytes: number }> {
      const row = await unread()
        .select((eb) => [eb.fn.countAll<number>().as('files'), eb.fn.sum<number | null>('seen_file.size').as('bytes')])
        .executeTakeFirstOrThrow()
      return { files: row.files, bytes: row.bytes ?? 0 }
    },

    /** The next files to read, by path. */
    async unreadPage(after: string, limit: number): Promise<UnreadFile[]> {
      return unread()
        .where('seen_file.path', '>', after)
        .select(['seen_file.path', 'seen_file.size', 'seen_file.stamp'])
        .orderBy('seen_file.path')
        .limit(limit)
        .execute()
    },

    /** Nothing to save leaves the catalog current: files that nobody can read are tried with each scan. */
    async save(readings: readonly FileReading[]): Promise<void> {
      if (readings.length === 0) return
      const columns = ['path', 'stamp', 'crc32', 'sha256', 'contents', 'reader_version'] as const
      const rows = readings.map((reading) => ({ ...reading, reader_version: readerVersion }))
      await writeTransaction(db, async (trx) => {
        await trx.updateTable('catalog').set({ is_current: 0 }).execute()
        await bulkInsert(
          trx,
          'file_reading',
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
        await writeTransaction(db, (trx) => deleteReadings(trx, (eb) => eb('path', 'in', part)))
      }
    },

    /** Forgets the readings of files that are gone, once all files are seen. */
    async forgetUnseen(): Promise<void> {
      await countRows(db, ['seen_file'])
      await writeTransaction(db, (trx) =>
        deleteReadings(trx, () => isNotIn('file_reading.path', { table: 'seen_file', column: 'path' }))
      )
    },

    /** Metadata files, by path. */
    async describedPage(after: string, limit: number): Promise<ReadFile[]> {
      const rows = await readAfter(after)
        .where('reading.contents', 'is not', null)
        .orderBy('seen_file.path')
        .limit(limit)
        .execute()
      return rows.map(toReadFile)
    },

    /** The files whose names begin with one of these stems, in the stem's directory. */
    async filesWithStems(keys: readonly { directory: string; stem: string }[]): Promise<ReadFile[]> {
      const pairs = keys.map(({ directory, stem }) => [directory, stem] as const)
      const rows = await read()
        .where(isPairAmong(['seen_file.directory', 'seen_file.stem'], pairs))
        .orderBy('seen_file.path')
        .execute()
      return rows.map(toReadFile)
    },

    async filesAt(paths: readonly string[]): Promise<KnownFile[]> {
      const rows = await read().where(isAmong('seen_file.path', paths)).execute()
      return rows.map((row) => toReadFile(row).file)
    },

    /** Files that were read and that no package claimed, by path. */
    async unclaimedPage(
      after: string,
      limit: number
    ): Promise<{ path: string; suffix: string; contents: string | null }[]> {
      return readAfter(after)
        .where(isNotIn('seen_file.path', { table: 'claimed_file', column: 'path' }))
        .orderBy('seen_file.path')
        .limit(limit)
        .execute()
    }
  }
}

async function deleteReadings(
  trx: Kysely<ScanSchema>,
  which: (eb: ExpressionBuilder<ScanSchema, 'file_reading'>) => Expression<SqlBool>
): Promise<void> {
  const { numDeletedRows } = await trx.deleteFrom('file_reading').where(which).executeTakeFirstOrThrow()
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
