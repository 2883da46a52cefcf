/** The walked files that were read, with their facts from the file index. */
import { type Kysely, type SqlBool, sql } from 'kysely'
import type { KnownFile } from '../../core/catalog/assemble-package.ts'
import { either, isAmong, isPairAmong } from '../engine/dialect.ts'
import { isNotIn } from '../engine/other-rows.ts'
import { analyzeTables, indexTemporary } from '../engine/tables.ts'
import type { ScanSchema } from './scan-schema.ts'

/** A file that was read; a metadata file with its content as JSON. */
export interface ReadFile {
  readonly file: KnownFile
  readonly directory: string
  readonly stem: string
  readonly contents: string | null
}

/**
 * The `case` hides the selectivity from PostgreSQL: it expects few matches of the equality, and would read and sort all
 * files for each page.
 */
const IS_OF_NOW = either(
  sql<SqlBool>`indexed.stamp = walked_file.stamp`,
  sql<SqlBool>`case when indexed.stamp = walked_file.stamp then true else false end`
)

export type IndexedFiles = ReturnType<typeof createIndexedFiles>

export function createIndexedFiles(db: Kysely<ScanSchema>) {
  /** Walked files whose index entry is up to date. */
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
   * The condition on both paths is for PostgreSQL: it does not derive the second one from the join, and would read the
   * index from its beginning.
   */
  function readAfter(path: string) {
    const isRead = either(sql<SqlBool>`true`, sql<SqlBool>`indexed.path > ${path}`)
    return read().where('walked_file.path', '>', path).where(isRead)
  }

  return {
    /** Creates the index that `filesWithStems` uses, after all files are read. */
    async indexStems(): Promise<void> {
      await indexTemporary('walked_file_by_stem', 'walked_file', ['directory', 'stem']).execute(db)
      await analyzeTables(db, ['file_index'])
    },

    /** The metadata files after this path, by path. */
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

    /** The indexed files after this path that belong to no package, by path. */
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
