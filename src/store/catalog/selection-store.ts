/** Resolves a selection with the current catalog: to packages, and to their files. */
import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import type { PackageFilter } from '../../core/catalog/catalog.ts'
import type { FileScope } from '../../core/catalog/package.ts'
import { FILE_ROLES, type FileRole } from '../../core/catalog/package.ts'
import type { Sample } from '../../core/export/export.ts'
import { either, isAmong } from '../engine/dialect.ts'
import { isIn, isNotIn } from '../engine/other-rows.ts'
import type { Schema } from '../engine/schema.ts'
import { matches } from './package-filter.ts'

export interface SelectedFile {
  readonly id: number
  readonly path: string
  readonly size: number
  readonly crc32: number
  readonly sha256: string
  readonly modifiedAt: number
}

export interface SelectedPackage {
  readonly fixid: string
  /** The files of the scope in the order of an archive: by role, then by path. */
  readonly files: readonly SelectedFile[]
}

/** Ids of the selected packages, or all packages. */
export type PackageIds = ReadonlySet<number> | 'all'

const PACKAGES_PER_PAGE = 200
const SAMPLE_SIZE = 5

const not = (condition: RawBuilder<SqlBool>) => sql<SqlBool>`not (${condition})`

export type SelectionStore = ReturnType<typeof createSelectionStore>

/** @param db a transaction, so that all results are from one catalog */
export function createSelectionStore(db: Kysely<Schema>) {
  const amongIds = (column: string, ids: PackageIds) => (ids === 'all' ? sql<SqlBool>`true` : isAmong(column, ids))

  async function missing(
    table: 'package_member' | 'package_requisite',
    kinds: readonly string[],
    ids: PackageIds
  ): Promise<Sample> {
    const packages = { table: 'package', column: 'fixid' }
    // Most members are of one kind: the expression keeps PostgreSQL from using an index of kinds.
    const kind = either(sql<string>`kind`, sql<string>`(kind || '')`)
    const isMissing = ids === 'all' ? isNotIn(`${table}.fixid`, packages) : not(isIn(`${table}.fixid`, packages))
    const rows = await db
      // Materialized before the sort: PostgreSQL would otherwise read all rows in the order of an index.
      .with(
        (cte) => cte('missing').materialized(),
        () =>
          db
            .selectFrom(table)
            .select('fixid')
            .distinct()
            .where(kind, 'in', kinds)
            .where(amongIds('package_id', ids))
            .where(isMissing)
      )
      .selectFrom('missing')
      .select(['fixid', sql<number>`count(*) over ()`.as('count')])
      .orderBy('fixid')
      .limit(SAMPLE_SIZE)
      .execute()
    return { count: rows[0]?.count ?? 0, first: rows.map((row) => row.fixid) }
  }

  return {
    /** The packages with these fixids, and the unknown fixids. */
    async findPackages(fixids: readonly string[]): Promise<{ ids: Set<number>; unknown: string[] }> {
      const rows = await db.selectFrom('package').select(['id', 'fixid']).where(isAmong('fixid', fixids)).execute()
      const known = new Set(rows.map((row) => row.fixid))
      return {
        ids: new Set(rows.map((row) => row.id)),
        unknown: [...new Set(fixids)].filter((fixid) => !known.has(fixid))
      }
    },

    /** The packages that match a filter. */
    async matchingPackages(filter: PackageFilter): Promise<Set<number>> {
      const rows = await db
        .selectFrom('package')
        .select('package.id')
        .where((eb) => matches(eb, filter))
        .execute()
      return new Set(rows.map((row) => row.id))
    },

    /**
     * The packages with all members in the catalog, recursively.
     * @param withRequisites also adds the packages that they require, recursively
     */
    async withMembers(ids: ReadonlySet<number>, withRequisites = false): Promise<Set<number>> {
      const all = new Set(ids)
      for (let newest = [...ids]; newest.length > 0; ) {
        const members = db
          .selectFrom('package_member as member')
          .innerJoin('package', 'package.fixid', 'member.fixid')
          .select('package.id')
          .where(isAmong('member.package_id', newest))
        const requisites = db
          .selectFrom('package_requisite as requisite')
          .innerJoin('package', 'package.fixid', 'requisite.fixid')
          .select('package.id')
          .where('requisite.kind', '<>', 'superseded')
          .where(isAmong('requisite.package_id', newest))
        const rows = await (withRequisites ? members.union(requisites) : members).execute()
        newest = [...new Set(rows.map((row) => row.id))].filter((id) => !all.has(id))
        for (const id of newest) all.add(id)
      }
      return all
    },

    /** Pages of the packages by fixid, each package with its files of the scope. */
    async *pages(ids: PackageIds, scope: FileScope): AsyncGenerator<SelectedPackage[]> {
      for (let after = '', more = true; more; ) {
        const packages = await db
          .selectFrom('package')
          .select(['id', 'fixid'])
          .where('fixid', '>', after)
          .where(amongIds('id', ids))
          .orderBy('fixid')
          .limit(PACKAGES_PER_PAGE)
          .execute()
        if (packages.length > 0) yield await withFiles(db, packages, scope)
        after = packages.at(-1)?.fixid ?? ''
        more = packages.length === PACKAGES_PER_PAGE
      }
    },

    /** The ids of files that belong to more than one of these packages. */
    async sharedFiles(ids: PackageIds): Promise<Set<number>> {
      const rows = await db
        .selectFrom('package_file')
        .select('file_id')
        .where(amongIds('package_id', ids))
        .groupBy('file_id')
        .having((eb) => eb.fn.countAll<number>(), '>', 1)
        .execute()
      return new Set(rows.map((row) => row.file_id))
    },

    /** Packages whose payload is not in the repository. */
    async withoutPayload(ids: PackageIds): Promise<Sample> {
      const query = db.selectFrom('package').where('payload_state', '=', 'missing').where(amongIds('id', ids))
      const { count } = await query.select((eb) => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow()
      const rows = await query.select('fixid').orderBy('fixid').limit(SAMPLE_SIZE).execute()
      return { count, first: rows.map((row) => row.fixid) }
    },

    /** Members that the system packs list and that are not in the catalog. */
    missingMembers: (ids: PackageIds): Promise<Sample> => missing('package_member', ['listed'], ids),

    /** Requisites of the packages that are not in the catalog. */
    missingRequisites: (ids: PackageIds): Promise<Sample> =>
      missing('package_requisite', ['prerequisite', 'corequisite'], ids)
  }
}

async function withFiles(
  db: Kysely<Schema>,
  packages: readonly { id: number; fixid: string }[],
  scope: FileScope
): Promise<SelectedPackage[]> {
  const rows = await db
    .selectFrom('package_file')
    .innerJoin('file', 'file.id', 'package_file.file_id')
    .select([
      'package_file.package_id',
      'package_file.role',
      'file.id',
      'file.path',
      'file.size',
      'file.crc32',
      'file.sha256',
      'file.modified_at'
    ])
    .where(
      isAmong(
        'package_file.package_id',
        packages.map((item) => item.id)
      )
    )
    .$if(scope === 'payloads', (query) => query.where('package_file.role', '=', 'payload'))
    .orderBy('file.path')
    .execute()
  const rank = (row: { role: string }) => FILE_ROLES.indexOf(row.role as FileRole)
  const byPackage = Map.groupBy(rows, (row) => row.package_id)
  return packages.map(({ id, fixid }) => ({
    fixid,
    // The sort is stable: within a role the files remain sorted by path.
    files: (byPackage.get(id) ?? [])
      .sort((left, right) => rank(left) - rank(right))
      .map((row) => ({
        id: row.id,
        path: row.path,
        size: row.size,
        crc32: row.crc32,
        sha256: row.sha256,
        modifiedAt: row.modified_at
      }))
  }))
}
