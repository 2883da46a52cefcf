/** Reads the catalog: listings, machine types, totals. */
import { type Kysely, type Selectable, type SqlBool, sql } from 'kysely'
import type { CatalogReader, MachineTypeSummary, PackageFilter, PackageSummary } from '../../core/catalog/catalog.ts'
import type {
  CatalogProblemCode,
  FileRole,
  PackageFile,
  PackageKind,
  PayloadState,
  Requisite,
  RequisiteKind
} from '../../core/catalog/package.ts'
import type { Database } from '../engine/database.ts'
import { isAmong } from '../engine/dialect.ts'
import { isIn } from '../engine/other-rows.ts'
import type { PackageTable, Schema } from '../engine/schema.ts'
import { matches } from './package-filter.ts'
import { problemsOf } from './package-problems.ts'

const PACKAGES_PER_PAGE = 100

export function createCatalogStore(db: Database): CatalogReader {
  async function packagePage(filter: PackageFilter, after: string, limit: number): Promise<PackageSummary[]> {
    const rows = await db
      .selectFrom('package')
      .selectAll('package')
      .where('package.fixid', '>', after)
      .where((eb) => matches(eb, filter, 'page'))
      .orderBy('package.fixid')
      .limit(limit)
      .execute()
    return toSummaries(db, rows)
  }

  return {
    async *packagePages(filter) {
      for (let after = '', more = true; more; ) {
        const page = await packagePage(filter, after, PACKAGES_PER_PAGE)
        if (page.length > 0) yield page
        after = page.at(-1)?.fixid ?? ''
        more = page.length === PACKAGES_PER_PAGE
      }
    },

    packagePage,

    async findPackage(fixid) {
      const rows = await db.selectFrom('package').selectAll().where('fixid', '=', fixid).execute()
      return (await toSummaries(db, rows))[0]
    },

    problemsOf: (fixid) => problemsOf(db, fixid),

    async problemPage([path = '', code = '', text = ''], limit) {
      const rows = await db
        .selectFrom('catalog_problem')
        .selectAll()
        .where(sql<SqlBool>`(path, code, text) > (${path}, ${code}, ${text})`)
        .orderBy('path')
        .orderBy('code')
        .orderBy('text')
        .limit(limit)
        .execute()
      return rows.map((row) => ({ ...row, code: row.code as CatalogProblemCode }))
    },

    async packageTotals(filter) {
      const row = await db
        .selectFrom('package')
        .select((eb) => [
          eb.fn.countAll<number>().as('packages'),
          sql<number>`count(*) filter (where payload_state <> 'missing')`.as('downloadedPackages')
        ])
        .where((eb) => matches(eb, filter))
        .executeTakeFirstOrThrow()
      const { bytes } = await db
        .selectFrom('file')
        .select(sql<number>`coalesce(sum(size), 0)`.as('bytes'))
        .where('id', 'in', (eb) =>
          eb
            .selectFrom('package_file')
            .innerJoin('package', 'package.id', 'package_file.package_id')
            .select('package_file.file_id')
            .where((inner) => matches(inner, filter))
        )
        .executeTakeFirstOrThrow()
      return { ...row, bytes }
    },

    async machineTypes() {
      const rows = await db
        .selectFrom('package_machine_type as machine')
        .innerJoin('package', 'package.id', 'machine.package_id')
        .select(['machine.machine_type', 'machine.name', 'package.category'])
        .distinct()
        .orderBy('machine.machine_type')
        .orderBy('package.category')
        .execute()
      return [...Map.groupBy(rows, (row) => row.machine_type)].map(([type, ofType]): MachineTypeSummary => {
        const name = ofType.find((row) => row.name !== '')?.name ?? ''
        const categories = [...new Set(ofType.map((row) => row.category))].filter((category) => category !== '')
        return { type, name, categories }
      })
    },

    async usedBytes() {
      const row = await db
        .selectFrom('file')
        .select(sql<number>`coalesce(sum(size), 0)`.as('bytes'))
        .executeTakeFirstOrThrow()
      return row.bytes
    },

    async readAt() {
      const row = await db.selectFrom('catalog').select('read_at').executeTakeFirstOrThrow()
      return row.read_at === null ? undefined : new Date(row.read_at)
    }
  }
}

async function toSummaries(db: Kysely<Schema>, rows: readonly Selectable<PackageTable>[]): Promise<PackageSummary[]> {
  const ofPage = isAmong(
    'package_id',
    rows.map((row) => row.id)
  )
  const files = await db
    .selectFrom('package_file')
    .innerJoin('file', 'file.id', 'package_file.file_id')
    .selectAll()
    .where(ofPage)
    .orderBy('file.path')
    .execute()
  const machines = await db
    .selectFrom('package_machine_type')
    .select(['package_id', 'machine_type'])
    .where(ofPage)
    .orderBy('machine_type')
    .execute()
  const members = await db
    .selectFrom('package_member')
    .select(['package_id', 'fixid'])
    .where(ofPage)
    .where((eb) =>
      eb.or([eb('kind', '=', 'listed'), isIn('package_member.fixid', { table: 'package', column: 'fixid' })])
    )
    .orderBy('position')
    .execute()
  const requisites = await db
    .selectFrom('package_requisite')
    .select(['package_id', 'fixid', 'kind'])
    .where(ofPage)
    .orderBy('position')
    .execute()

  const byPackage = <Row extends { package_id: number }>(all: readonly Row[]) => {
    const groups = Map.groupBy(all, (row) => row.package_id)
    return (id: number) => groups.get(id) ?? []
  }
  const filesOf = byPackage(files)
  const machinesOf = byPackage(machines)
  const membersOf = byPackage(members)
  const requisitesOf = byPackage(requisites)
  return rows.map((row) => {
    const own = filesOf(row.id).map(toFile)
    return {
      fixid: row.fixid,
      kind: row.kind as PackageKind,
      name: row.name,
      version: row.version,
      buildNumber: row.build_number,
      category: row.category,
      description: row.description,
      severity: row.severity,
      releaseDate: row.release_date,
      updateType: row.update_type,
      rebootRequired: row.reboot_required,
      payloadState: row.payload_state as PayloadState,
      size: own.reduce((sum, file) => sum + file.size, 0),
      machineTypes: machinesOf(row.id).map((machine) => machine.machine_type),
      members: membersOf(row.id).map((member) => member.fixid),
      requisites: requisitesOf(row.id).map(({ fixid, kind }): Requisite => ({ fixid, kind: kind as RequisiteKind })),
      files: own
    }
  })
}

function toFile(row: {
  path: string
  role: string
  size: number
  crc32: number
  sha256: string
  modified_at: number
}): PackageFile {
  const { path, size, crc32, sha256 } = row
  return { path, role: row.role as FileRole, size, crc32, sha256, modifiedAt: row.modified_at }
}
