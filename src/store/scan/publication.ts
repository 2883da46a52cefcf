/** Publishes the draft catalog of a scan, unless packages were deleted meanwhile. */
import type { Kysely } from 'kysely'
import type { Lease } from '../../core/tasks/job.ts'
import { countDeletions } from '../catalog/deletion-store.ts'
import type { Schema } from '../engine/schema.ts'
import { analyzeTables, hasOutgrown } from '../engine/tables.ts'
import { writeTransaction } from '../engine/transactions.ts'
import { confirmLease } from '../tasks/job-progress.ts'
import { publishDraft, publishProblems } from './publish-draft.ts'
import { DETAIL_TABLES, type ScanSchema } from './scan-schema.ts'

export interface PublishOptions {
  /** `deletions()` from before the walk; by default, deletions are not checked. */
  readonly deletions?: number
  /** Publishes even after deletions: the deleted packages reappear until the next scan. */
  readonly isLast?: boolean
  /** Required for the publication. @throws LeaseLost */
  readonly lease?: Lease | undefined
}

const DRAFT_TABLES = ['draft_package', ...DETAIL_TABLES] as const

const CATALOG_TABLES = [
  'package',
  'file',
  'package_file',
  'package_machine_type',
  'package_member',
  'package_requisite'
] as const

export function createPublication(db: Kysely<ScanSchema>) {
  return {
    /** Whether the catalog was made from the files as they are indexed now. */
    async isCatalogCurrent(): Promise<boolean> {
      const row = await db.selectFrom('catalog').select('is_current').executeTakeFirstOrThrow()
      return row.is_current === 1
    },

    /** Number of packages in the catalog. */
    async packageCount(): Promise<number> {
      const row = await db
        .selectFrom('package')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      return row.count
    },

    /** How many deletions there were; the scan reads it before the walk and passes it to `publish`. */
    async deletions(): Promise<number> {
      return countDeletions(asSchema(db))
    },

    /**
     * Publishes the problems of the draft and keeps the packages of the catalog.
     * @param codes of the problems that the scan has checked: only these are replaced
     */
    async publishUnchanged(now: Date, codes: readonly string[], lease?: Lease): Promise<void> {
      await writeTransaction(db, async (trx) => {
        if (lease !== undefined) await confirmLease(asSchema(trx), lease)
        await trx.updateTable('catalog').set({ read_at: now.getTime() }).execute()
        await trx.deleteFrom('catalog_problem').where('code', 'in', codes).execute()
        await publishProblems(trx)
      })
    },

    /**
     * Makes the draft the catalog, in one transaction: readers see either the old or the new catalog.
     * @returns false, without a change, when packages were deleted since `deletions` was read: the draft may contain
     * them
     */
    async publish(now: Date, { deletions, isLast = false, lease }: PublishOptions = {}): Promise<boolean> {
      await analyzeTables(db, DRAFT_TABLES)
      const isPublished = await writeTransaction(db, async (trx) => {
        if (lease !== undefined) await confirmLease(asSchema(trx), lease)
        const isOvertaken = deletions !== undefined && (await countDeletions(asSchema(trx))) !== deletions
        if (isOvertaken && !isLast) return false
        await publishDraft(trx, now)
        // Every deletion requests a scan, which makes the catalog current.
        if (isOvertaken) await trx.updateTable('catalog').set({ is_current: 0 }).execute()
        return true
      })
      if (await hasOutgrown(db, 'package')) await analyzeTables(db, CATALOG_TABLES)
      return isPublished
    }
  }
}

function asSchema(db: Kysely<ScanSchema>): Kysely<Schema> {
  return db as unknown as Kysely<Schema>
}
