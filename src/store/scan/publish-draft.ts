/**
 * How the findings of a scan become the catalog: a few set statements, which touch only what differs. They all run
 * inside the caller's transaction.
 */
import { type Kysely, sql } from 'kysely'
import { catalogProblem } from '../../core/catalog/package.ts'
import { bulkInsert } from '../engine/bulk-insert.ts'
import { isNotIn } from '../engine/other-rows.ts'
import type { ScanSchema } from './scan-schema.ts'

/** The columns that found packages and catalogued ones have in common. */
export const PACKAGE_COLUMNS = [
  'fixid',
  'kind',
  'form',
  'name',
  'version',
  'build_number',
  'category',
  'vendor',
  'description',
  'severity',
  'release_date',
  'update_type',
  'reboot_required',
  'payload_state',
  'metadata_path',
  'product_line',
  'version_key',
  'fingerprint'
] as const

const MISSING_MEMBERS_PAGE = 500

/** Replaces the packages that differ, and all problems. */
export async function publishDraft(trx: Kysely<ScanSchema>, now: Date): Promise<void> {
  await trx.updateTable('catalog').set({ read_at: now.getTime(), is_current: 1 }).execute()
  await deleteOldPackages(trx)
  await insertNewPackages(trx)
  await trx
    .deleteFrom('file')
    .where(isNotIn('file.id', { table: 'package_file', column: 'file_id' }))
    .execute()
  await findMissingMembers(trx)
  await trx.deleteFrom('catalog_problem').execute()
  await publishProblems(trx)
}

async function deleteOldPackages(trx: Kysely<ScanSchema>): Promise<void> {
  await trx
    .deleteFrom('package')
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('draft_package as found')
            .select('found.fixid')
            .whereRef('found.fixid', '=', 'package.fixid')
            .whereRef('found.fingerprint', '=', 'package.fingerprint')
        )
      )
    )
    .execute()
}

/** Details are there for new packages only, so joining by fixid inserts just those. */
async function insertNewPackages(trx: Kysely<ScanSchema>): Promise<void> {
  await trx
    .insertInto('package')
    .columns(PACKAGE_COLUMNS)
    .expression((eb) =>
      eb
        .selectFrom('draft_package as found')
        .select(PACKAGE_COLUMNS.map((column) => `found.${column}` as const))
        .where(isNotIn('found.fixid', { table: 'package', column: 'fixid' }))
        .orderBy('found.fixid')
    )
    .execute()
  await trx
    .insertInto('file')
    .columns(['path', 'size', 'crc32', 'sha256', 'modified_at'])
    .expression((eb) =>
      eb
        .selectFrom('draft_file')
        .select(['path', 'size', 'crc32', 'sha256', 'modified_at'])
        .distinct()
        .where(sql<boolean>`true`)
        .orderBy('path')
    )
    .onConflict((conflict) =>
      conflict.column('path').doUpdateSet((eb) => ({
        size: eb.ref('excluded.size'),
        crc32: eb.ref('excluded.crc32'),
        sha256: eb.ref('excluded.sha256'),
        modified_at: eb.ref('excluded.modified_at')
      }))
    )
    .execute()
  await trx
    .insertInto('package_file')
    .columns(['package_id', 'file_id', 'role'])
    .expression((eb) =>
      eb
        .selectFrom('draft_file as found')
        .innerJoin('package', 'package.fixid', 'found.fixid')
        .innerJoin('file', 'file.path', 'found.path')
        .select(['package.id', 'file.id as file_id', 'found.role'])
    )
    .execute()
  await trx
    .insertInto('package_machine_type')
    .columns(['package_id', 'machine_type', 'name'])
    .expression((eb) =>
      eb
        .selectFrom('draft_machine_type as found')
        .innerJoin('package', 'package.fixid', 'found.fixid')
        .select(['package.id', 'found.machine_type', 'found.name'])
    )
    .execute()
  for (const kind of ['member', 'requisite'] as const) {
    await trx
      .insertInto(`package_${kind}`)
      .columns(['package_id', 'position', 'fixid', 'kind'])
      .expression((eb) =>
        eb
          .selectFrom(`draft_${kind} as found`)
          .innerJoin('package', 'package.fixid', 'found.fixid')
          .select(['package.id', 'found.position', 'found.target', 'found.kind'])
      )
      .execute()
  }
  await trx
    .insertInto('package_property')
    .columns(['package_id', 'name', 'position', 'value'])
    .expression((eb) =>
      eb
        .selectFrom('draft_property as found')
        .innerJoin('package', 'package.fixid', 'found.fixid')
        .select(['package.id', 'found.name', 'found.position', 'found.value'])
    )
    .execute()
}

/** Members that a pack lists and no package has. */
async function findMissingMembers(trx: Kysely<ScanSchema>): Promise<void> {
  for (let after = { id: 0, position: -1 }, more = true; more; ) {
    const page = await trx
      .selectFrom('package_member as member')
      .innerJoin('package as pack', 'pack.id', 'member.package_id')
      .select(['pack.id', 'pack.metadata_path', 'member.position', 'member.fixid'])
      .where('member.kind', '=', 'listed')
      .where(isNotIn('member.fixid', { table: 'package', column: 'fixid' }))
      .where((eb) => eb(eb.refTuple('member.package_id', 'member.position'), '>', eb.tuple(after.id, after.position)))
      .orderBy('member.package_id')
      .orderBy('member.position')
      .limit(MISSING_MEMBERS_PAGE)
      .execute()
    const problems = page.map((row) => catalogProblem('missing-member', row.metadata_path, row.fixid))
    await bulkInsert(trx, 'draft_problem', ['path', 'code', 'text'], problems, sql`on conflict do nothing`)
    after = page.at(-1) ?? after
    more = page.length === MISSING_MEMBERS_PAGE
  }
}

/** Adds the problems that were found to those of the catalog. */
export async function publishProblems(trx: Kysely<ScanSchema>): Promise<void> {
  await trx
    .insertInto('catalog_problem')
    .columns(['path', 'code', 'text'])
    .expression((eb) => eb.selectFrom('draft_problem').select(['path', 'code', 'text']))
    .execute()
}
