/** A catalog as an import compares it: that of the upload, or that of the repository. */
import { type Kysely, sql } from 'kysely'
import type { CatalogProblem, FileRole } from '../../core/catalog/package.ts'
import { isAmong } from '../engine/dialect.ts'
import type { Schema } from '../engine/schema.ts'

export interface ComparedFile {
  readonly path: string
  readonly role: FileRole
  readonly size: number
  readonly sha256: string
}

export interface ComparedPackage {
  readonly fixid: string
  readonly metadataPath: string
  readonly files: readonly ComparedFile[]
}

export type ImportCatalog = ReturnType<typeof createImportCatalog>

export function createImportCatalog(db: Kysely<Schema>) {
  function packages() {
    return db.selectFrom('package').select(['id', 'fixid', 'metadata_path']).orderBy('fixid')
  }

  async function withFiles(rows: readonly { id: number; fixid: string; metadata_path: string }[]) {
    const ids = rows.map((row) => row.id)
    const files = await db
      .selectFrom('package_file')
      .innerJoin('file', 'file.id', 'package_file.file_id')
      .select(['package_file.package_id', 'package_file.role', 'file.path', 'file.size', 'file.sha256'])
      .where(isAmong('package_file.package_id', ids))
      .orderBy('file.path')
      .execute()
    const byPackage = Map.groupBy(files, (file) => file.package_id)
    return rows.map(
      ({ id, fixid, metadata_path }): ComparedPackage => ({
        fixid,
        metadataPath: metadata_path,
        files: (byPackage.get(id) ?? []).map(({ path, role, size, sha256 }) => ({
          path,
          role: role as FileRole,
          size,
          sha256
        }))
      })
    )
  }

  return {
    /** The packages after this fixid, by fixid. */
    async page(after: string, limit: number): Promise<ComparedPackage[]> {
      return withFiles(await packages().where('fixid', '>', after).limit(limit).execute())
    },

    async packages(fixids: readonly string[]): Promise<ComparedPackage[]> {
      return withFiles(await packages().where(isAmong('fixid', fixids)).execute())
    },

    /** The metadata files of the packages with these fixids, ignoring case. */
    async metadataOf(fixids: readonly string[]): Promise<{ readonly fixid: string; readonly path: string }[]> {
      const lowerCase = fixids.map((fixid) => fixid.toLowerCase())
      const rows = await packages().where(isAmong(sql`lower(fixid)`, lowerCase)).execute()
      return rows.map(({ fixid, metadata_path }) => ({ fixid, path: metadata_path }))
    },

    /** The ones of these paths that belong to a package, with the SHA-256 of the cataloged file. */
    async files(paths: readonly string[]): Promise<Map<string, string>> {
      const rows = await db.selectFrom('file').select(['path', 'sha256']).where(isAmong('path', paths)).execute()
      return new Map(rows.map(({ path, sha256 }) => [path, sha256]))
    },

    /** The ones of these paths that belong to several packages. */
    async sharedFiles(paths: readonly string[]): Promise<Set<string>> {
      const rows = await db
        .selectFrom('file')
        .innerJoin('package_file', 'package_file.file_id', 'file.id')
        .select('file.path')
        .where(isAmong('file.path', paths))
        .groupBy('file.path')
        .having((eb) => eb.fn.countAll(), '>', 1)
        .execute()
      return new Set(rows.map((row) => row.path))
    },

    /** By path. */
    async problems(): Promise<CatalogProblem[]> {
      const rows = await db.selectFrom('catalog_problem').selectAll().orderBy('path').orderBy('code').execute()
      return rows as CatalogProblem[]
    }
  }
}
