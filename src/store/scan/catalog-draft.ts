/** The packages and problems that a scan has found so far. */
import { type Kysely, sql } from 'kysely'
import type { CatalogProblem, Package } from '../../core/catalog/package.ts'
import type { Lease } from '../../core/tasks/job.ts'
import { countDeletions } from '../catalog/deletion-store.ts'
import { bulkInsert } from '../engine/bulk-insert.ts'
import { isAmong } from '../engine/dialect.ts'
import type { Schema } from '../engine/schema.ts'
import { analyzeTables, hasOutgrown } from '../engine/tables.ts'
import { writeTransaction } from '../engine/transactions.ts'
import { confirmLease } from '../tasks/job-progress.ts'
import { PACKAGE_COLUMNS, publishDraft, publishProblems } from './publish-draft.ts'
import type { DraftFileRow, DraftPackageRow, DraftReferenceRow, ScanSchema } from './scan-schema.ts'

/** A package, where it was found, and what is derived of it. */
export interface DraftPackage {
  readonly package: Package
  /** Directory of the file that describes it. */
  readonly directory: string
  readonly metadataPath: string
  readonly productLine: string
  readonly versionKey: string
  readonly fingerprint: string
}

/** Where a package of a certain fixid was found before. */
export interface EarlierPackage {
  readonly fixid: string
  readonly directory: string
  readonly metadataPath: string
  readonly hasPayload: boolean
}

/** How what was found becomes the catalog. */
export interface Publication {
  /** How many deletions there were before the walk; by default there can be none. */
  readonly deletions?: number
  /** What has gone meanwhile comes back until the next scan, rather than that nothing is published. */
  readonly isLast?: boolean
  /** Under which it is done. @throws LeaseLost */
  readonly lease?: Lease | undefined
}

export type CatalogDraft = ReturnType<typeof createCatalogDraft>

export function createCatalogDraft(db: Kysely<ScanSchema>) {
  return {
    async addProblems(problems: readonly CatalogProblem[]): Promise<void> {
      await bulkInsert(db, 'draft_problem', ['path', 'code', 'text'], problems, sql`on conflict do nothing`)
    },

    /** These files belong to a package. */
    async claim(paths: readonly string[]): Promise<void> {
      await bulkInsert(
        db,
        'claimed_file',
        ['path'],
        paths.map((path) => ({ path })),
        sql`on conflict do nothing`
      )
    },

    async claimedOf(paths: readonly string[]): Promise<string[]> {
      const rows = await db.selectFrom('claimed_file').select('path').where(isAmong('path', paths)).execute()
      return rows.map((row) => row.path)
    },

    async earlierPackages(fixids: readonly string[]): Promise<EarlierPackage[]> {
      const rows = await db
        .selectFrom('draft_package')
        .select(['fixid', 'directory', 'metadata_path', 'payload_state'])
        .where(isAmong('fixid', fixids))
        .execute()
      return rows.map(({ fixid, directory, metadata_path, payload_state }) => ({
        fixid,
        directory,
        metadataPath: metadata_path,
        hasPayload: payload_state === 'present'
      }))
    },

    /** Keeps packages for the catalog; earlier ones of the same fixid give way. */
    async putPackages(found: readonly DraftPackage[]): Promise<void> {
      await forget(
        db,
        found.map((item) => item.package.fixid)
      )
      await bulkInsert(db, 'draft_package', [...PACKAGE_COLUMNS, 'directory'], found.map(toPackageRow))
      const added = await withoutUnchanged(db, found)
      await insertDetails(db, added)
    },

    /** Whether the packages in the catalog are made of just the files that are there now. */
    async isCatalogCurrent(): Promise<boolean> {
      const row = await db.selectFrom('catalog').select('is_current').executeTakeFirstOrThrow()
      return row.is_current === 1
    },

    /**
     * Keeps the packages as they are.
     * @param looked codes of the problems that were looked for: only these are replaced
     */
    async publishUnchanged(now: Date, looked: readonly string[], lease?: Lease): Promise<void> {
      await writeTransaction(db, async (trx) => {
        if (lease !== undefined) await confirmLease(trx as unknown as Kysely<Schema>, lease)
        await trx.updateTable('catalog').set({ read_at: now.getTime() }).execute()
        await trx.deleteFrom('catalog_problem').where('code', 'in', looked).execute()
        await publishProblems(trx)
      })
    },

    /** To be asked before the walk, and given to `publish`. */
    async deletions(): Promise<number> {
      return countDeletions(db as unknown as Kysely<Schema>)
    },

    /**
     * Makes what was found the catalog. Its readers see the old one until this has ended, and then the new one.
     * @returns false, and changes nothing, when packages have been deleted meanwhile, which may be among what was found
     */
    async publish(now: Date, { deletions, isLast = false, lease }: Publication = {}): Promise<boolean> {
      await analyzeTables(db, DRAFT_TABLES)
      const isPublished = await writeTransaction(db, async (trx) => {
        if (lease !== undefined) await confirmLease(trx as unknown as Kysely<Schema>, lease)
        const isOvertaken =
          deletions !== undefined && (await countDeletions(trx as unknown as Kysely<Schema>)) !== deletions
        if (isOvertaken && !isLast) return false
        await publishDraft(trx, now)
        // Every deletion has asked for a scan: that makes the catalog anew.
        if (isOvertaken) await trx.updateTable('catalog').set({ is_current: 0 }).execute()
        return true
      })
      if (await hasOutgrown(db, 'package')) await analyzeTables(db, CATALOG_TABLES)
      return isPublished
    },

    /** How many packages the catalog has. */
    async packageCount(): Promise<number> {
      const row = await db
        .selectFrom('package')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      return row.count
    }
  }
}

const DETAIL_TABLES = ['draft_file', 'draft_machine_type', 'draft_member', 'draft_requisite', 'draft_property'] as const

const DRAFT_TABLES = ['draft_package', ...DETAIL_TABLES] as const

const CATALOG_TABLES = [
  'package',
  'file',
  'package_file',
  'package_machine_type',
  'package_member',
  'package_requisite'
] as const

async function forget(db: Kysely<ScanSchema>, fixids: readonly string[]): Promise<void> {
  const among = isAmong('fixid', fixids)
  for (const table of ['draft_package', ...DETAIL_TABLES] as const) await db.deleteFrom(table).where(among).execute()
}

/** The catalog has most packages already, just as they are: nothing more is needed of those. */
async function withoutUnchanged(db: Kysely<ScanSchema>, found: readonly DraftPackage[]): Promise<DraftPackage[]> {
  const rows = await db
    .selectFrom('package')
    .select(['fixid', 'fingerprint'])
    .where(
      isAmong(
        'fixid',
        found.map((item) => item.package.fixid)
      )
    )
    .execute()
  const known = new Map(rows.map((row) => [row.fixid, row.fingerprint]))
  return found.filter((item) => known.get(item.package.fixid) !== item.fingerprint)
}

async function insertDetails(db: Kysely<ScanSchema>, found: readonly DraftPackage[]): Promise<void> {
  const packages = found.map((item) => item.package)
  const reference = (fixid: string) => (item: { fixid: string; kind: string }, position: number) =>
    ({ fixid, position, target: item.fixid, kind: item.kind }) satisfies DraftReferenceRow
  await bulkInsert(
    db,
    'draft_file',
    ['fixid', 'path', 'role', 'size', 'crc32', 'sha256', 'modified_at'],
    packages.flatMap(toFileRows)
  )
  await bulkInsert(
    db,
    'draft_machine_type',
    ['fixid', 'machine_type', 'name'],
    packages.flatMap(({ fixid, machineTypes }) =>
      machineTypes.map(({ type, name }) => ({ fixid, machine_type: type, name }))
    )
  )
  const columns = ['fixid', 'position', 'target', 'kind'] as const
  await bulkInsert(
    db,
    'draft_member',
    columns,
    packages.flatMap(({ fixid, members }) => members.map(reference(fixid)))
  )
  await bulkInsert(
    db,
    'draft_requisite',
    columns,
    packages.flatMap(({ fixid, requisites }) => requisites.map(reference(fixid)))
  )
  await bulkInsert(db, 'draft_property', ['fixid', 'name', 'position', 'value'], packages.flatMap(toPropertyRows))
}

function toPackageRow(found: DraftPackage): DraftPackageRow {
  const { package: item } = found
  return {
    fixid: item.fixid,
    directory: found.directory,
    kind: item.kind,
    form: item.form,
    name: item.name,
    version: item.version,
    build_number: item.buildNumber,
    category: item.category,
    vendor: item.vendor,
    description: item.description,
    severity: item.severity,
    release_date: item.releaseDate,
    update_type: item.updateType,
    reboot_required: item.rebootRequired,
    payload_state: item.payloadState,
    metadata_path: found.metadataPath,
    product_line: found.productLine,
    version_key: found.versionKey,
    fingerprint: found.fingerprint
  }
}

function toFileRows(item: Package): DraftFileRow[] {
  return item.files.map(({ path, role, size, crc32, sha256, modifiedAt }) => ({
    fixid: item.fixid,
    path,
    role,
    size,
    crc32,
    sha256,
    modified_at: modifiedAt
  }))
}

function toPropertyRows(item: Package): ScanSchema['draft_property'][] {
  const properties = Object.entries({ operatingSystem: item.operatingSystems, ...item.properties })
  return properties.flatMap(([name, values]) =>
    values.map((value, position) => ({ fixid: item.fixid, name, position, value }))
  )
}
