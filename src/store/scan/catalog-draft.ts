/** The draft catalog: the packages and problems that a scan has found so far, in temporary tables. */
import { type Kysely, sql } from 'kysely'
import type { CatalogProblem } from '../../core/catalog/package.ts'
import { bulkInsert } from '../engine/bulk-insert.ts'
import { isAmong } from '../engine/dialect.ts'
import { type DraftPackage, insertDetails, toPackageRow } from './draft-rows.ts'
import { DETAIL_TABLES, PACKAGE_COLUMNS, type ScanSchema } from './scan-schema.ts'

/** Where the scan found an earlier package of the same fixid. */
export interface EarlierPackage {
  readonly fixid: string
  readonly directory: string
  readonly metadataPath: string
  readonly hasPayload: boolean
}

export type CatalogDraft = ReturnType<typeof createCatalogDraft>

export function createCatalogDraft(db: Kysely<ScanSchema>) {
  return {
    async addProblems(problems: readonly CatalogProblem[]): Promise<void> {
      await bulkInsert(db, 'draft_problem', ['path', 'code', 'text'], problems, sql`on conflict do nothing`)
    },

    /** Records that these files belong to a package. */
    async claim(paths: readonly string[]): Promise<void> {
      const rows = paths.map((path) => ({ path }))
      await bulkInsert(db, 'claimed_file', ['path'], rows, sql`on conflict do nothing`)
    },

    /** The ones of these files that belong to a package. */
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

    /** Adds packages to the draft; they replace earlier ones of the same fixid. */
    async putPackages(packages: readonly DraftPackage[]): Promise<void> {
      await removePackages(
        db,
        packages.map((draft) => draft.package.fixid)
      )
      await bulkInsert(db, 'draft_package', [...PACKAGE_COLUMNS, 'directory'], packages.map(toPackageRow))
      await insertDetails(db, await withoutUnchanged(db, packages))
    }
  }
}

async function removePackages(db: Kysely<ScanSchema>, fixids: readonly string[]): Promise<void> {
  const among = isAmong('fixid', fixids)
  for (const table of ['draft_package', ...DETAIL_TABLES] as const) await db.deleteFrom(table).where(among).execute()
}

/** Most packages are in the catalog without a difference: their details are not needed. */
async function withoutUnchanged(db: Kysely<ScanSchema>, packages: readonly DraftPackage[]): Promise<DraftPackage[]> {
  const fixids = packages.map((draft) => draft.package.fixid)
  const rows = await db.selectFrom('package').select(['fixid', 'fingerprint']).where(isAmong('fixid', fixids)).execute()
  const known = new Map(rows.map((row) => [row.fixid, row.fingerprint]))
  return packages.filter((draft) => known.get(draft.package.fixid) !== draft.fingerprint)
}
