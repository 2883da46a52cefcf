/**
 * The statements that replace the catalog by the draft: a few set statements, which touch only differing rows. All run
 * in the transaction of the caller.
 */
import { type Kysely, sql } from 'kysely'
import { catalogProblem } from '../../core/catalog/package.ts'
import { bulkInsert } from '../engine/bulk-insert.ts'
import { isNotIn } from '../engine/other-rows.ts'
import { PACKAGE_COLUMNS, type ScanSchema } from './scan-schema.ts'

const MISSING_MEMBERS_PAGE = 500

/** Replaces the packages whose fingerprint differs, and all problems. */
export async function publishDraft(trx: Kysely<ScanSchema>, now: Date): Promise<void> {
  await trx.updateTable('catalog').set({ read_at: now.getTime(), is_current: 1 }).execute()
  await deleteOldPackages(trx)
  await insertPackages(trx)
  await insertFiles(trx)
  await insertDetails(trx)
  await trx
    .deleteFrom('file')
    .where(isNotIn('file.id', { table: 'package_file', column: 'file_id' }))
    .execute()
  await reportMissingMembers(trx)
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
            .selectFrom('draft_package as draft')
            .select('draft.fixid')
            .whereRef('draft.fixid', '=', 'package.fixid')
            .whereRef('draft.fingerprint', '=', 'package.fingerprint')
        )
      )
    )
    .execute()
}

async function insertPackages(trx: Kysely<ScanSchema>): Promise<void> {
  await trx
    .insertInto('package')
    .columns(PACKAGE_COLUMNS)
    .expression((eb) =>
      eb
        .selectFrom('draft_package as draft')
        .select(PACKAGE_COLUMNS.map((column) => `draft.${column}` as const))
        .where(isNotIn('draft.fixid', { table: 'package', column: 'fixid' }))
        .orderBy('draft.fixid')
    )
    .execute()
}

async function insertFiles(trx: Kysely<ScanSchema>): Promise<void> {
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
}

/** The draft has details of new packages only: a join by fixid inserts only these. */
async function insertDetails(trx: Kysely<ScanSchema>): Promise<void> {
  await trx
    .insertInto('package_file')
    .columns(['package_id', 'file_id', 'role'])
    .expression((eb) =>
      eb
        .selectFrom('draft_file as draft')
        .innerJoin('package', 'package.fixid', 'draft.fixid')
        .innerJoin('file', 'file.path', 'draft.path')
        .select(['package.id', 'file.id as file_id', 'draft.role'])
    )
    .execute()
  await trx
    .insertInto('package_machine_type')
    .columns(['package_id', 'machine_type', 'name'])
    .expression((eb) =>
      eb
        .selectFrom('draft_machine_type as draft')
        .innerJoin('package', 'package.fixid', 'draft.fixid')
        .select(['package.id', 'draft.machine_type', 'draft.name'])
    )
    .execute()
  for (const kind of ['member', 'requisite'] as const) {
    await trx
      .insertInto(`package_${kind}`)
      .columns(['package_id', 'position', 'fixid', 'kind'])
      .expression((eb) =>
        eb
          .selectFrom(`draft_${kind} as draft`)
          .innerJoin('package', 'package.fixid', 'draft.fixid')
          .select(['package.id', 'draft.position', 'draft.target', 'draft.kind'])
      )
      .execute()
  }
  await trx
    .insertInto('package_property')
    .columns(['package_id', 'name', 'position', 'value'])
    .expression((eb) =>
      eb
        .selectFrom('draft_property as draft')
        .innerJoin('package', 'package.fixid', 'draft.fixid')
        .select(['package.id', 'draft.name', 'draft.position', 'draft.value'])
    )
    .execute()
}

/** Adds a problem to the draft for each listed member of a system pack that is not in the catalog. */
async function reportMissingMembers(trx: Kysely<ScanSchema>): Promise<void> {
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

/** Adds the problems of the draft to the catalog. */
export async function publishProblems(trx: Kysely<ScanSchema>): Promise<void> {
  await trx
    .insertInto('catalog_problem')
    .columns(['path', 'code', 'text'])
    .expression((eb) => eb.selectFrom('draft_problem').select(['path', 'code', 'text']))
    .execute()
}
