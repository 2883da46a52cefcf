/** The catalog problems of one package. */
import { isNamedAfter } from '../../core/catalog/file-name.ts'
import { type CatalogProblem, type CatalogProblemCode, duplicateFixid } from '../../core/catalog/package.ts'
import type { Database } from '../engine/database.ts'
import { beginsWith, isAmong } from '../engine/dialect.ts'

/** The problems of a package, by path, code and text; none for an unknown fixid. */
export async function problemsOf(db: Database, fixid: string): Promise<CatalogProblem[]> {
  const item = await db
    .selectFrom('package')
    .select(['id', 'metadata_path'])
    .where('fixid', '=', fixid)
    .executeTakeFirst()
  if (item === undefined) return []
  const files = await db
    .selectFrom('package_file')
    .innerJoin('file', 'file.id', 'package_file.file_id')
    .select('file.path')
    .where('package_id', '=', item.id)
    .execute()
  const own = new Set([item.metadata_path, ...files.map((file) => file.path)])
  const directory = item.metadata_path.slice(0, item.metadata_path.lastIndexOf('/') + 1)
  const duplicate = duplicateFixid('', fixid, '')
  const isDuplicate = ({ code, text }: { code: string; text: string }) =>
    code === duplicate.code && text.startsWith(duplicate.text)
  const isNamesake = ({ path }: { path: string }) =>
    path.startsWith(directory) && isNamedAfter(fixid, path.slice(directory.length))

  // The query returns too many rows: the exact comparison of names is in the core.
  const rows = await db
    .selectFrom('catalog_problem')
    .selectAll()
    .where((eb) =>
      eb.or([
        isAmong('path', own),
        beginsWith('path', directory + fixid),
        eb.and([eb('code', '=', duplicate.code), beginsWith('text', duplicate.text)])
      ])
    )
    .orderBy('path')
    .orderBy('code')
    .orderBy('text')
    .execute()
  return rows
    .filter((row) => own.has(row.path) || isDuplicate(row) || isNamesake(row))
    .map((row) => ({ ...row, code: row.code as CatalogProblemCode }))
}
