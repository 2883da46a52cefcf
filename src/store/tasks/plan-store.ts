/** Plans: the exact archives that exports make, entry by entry. */
import type { Kysely, Selectable } from 'kysely'
import type { Plan, PlanEntry } from '../../core/export/plan.ts'
import { bulkInsert } from '../engine/bulk-insert.ts'
import type { PlanEntryTable, PlanTable, Schema } from '../engine/schema.ts'

const ENTRIES_PER_PAGE = 1_000

export type PlanStore = ReturnType<typeof createPlanStore>

export function createPlanStore(db: Kysely<Schema>) {
  return {
    /**
     * Inserts an empty plan. As the first statement of a transaction it also takes the write lock, so that what is read
     * after it does not change before the commit.
     */
    async begin(): Promise<number> {
      const empty = { digest: '', package_count: 0, entry_count: 0, directory_offset: 0, archive_size: 0 }
      const { id } = await db.insertInto('plan').values(empty).returning('id').executeTakeFirstOrThrow()
      return id
    },

    async addEntries(planId: number, entries: readonly PlanEntry[]): Promise<void> {
      const rows = entries.map(({ modifiedAt, packagesDone, ...entry }) => ({
        ...entry,
        plan_id: planId,
        modified_at: modifiedAt,
        packages_done: packagesDone
      }))
      await bulkInsert(
        db,
        'plan_entry',
        ['plan_id', 'position', 'path', 'size', 'crc32', 'sha256', 'modified_at', 'offset', 'fixid', 'packages_done'],
        rows
      )
    },

    /** Completes a plan whose archive is to be packed under this name. */
    async complete(plan: Plan, archiveName: string): Promise<void> {
      const state = { archive_name: archiveName, archive_state: 'pending' }
      await db
        .updateTable('plan')
        .set({ ...toColumns(plan), ...state })
        .where('id', '=', plan.id)
        .execute()
    },

    /** Completes a plan whose archive is streamed. */
    async completeStreamed(plan: Plan, keptUntil: Date): Promise<void> {
      const state = { archive_state: 'streamed', kept_until: keptUntil.getTime() }
      await db
        .updateTable('plan')
        .set({ ...toColumns(plan), ...state })
        .where('id', '=', plan.id)
        .execute()
    },

    async getPlan(id: number): Promise<Plan> {
      return toPlan(await db.selectFrom('plan').selectAll().where('id', '=', id).executeTakeFirstOrThrow())
    },

    async findPlan(archiveName: string): Promise<Plan | undefined> {
      const row = await db
        .selectFrom('plan')
        .selectAll()
        .where('archive_name', '=', archiveName)
        .where('archive_state', 'in', ['pending', 'kept'])
        .executeTakeFirst()
      return row && toPlan(row)
    },

    /**
     * The position of the entry that contains the byte at this offset of the archive. Entries are ordered by offset.
     * @param entryCount of the plan; at least 1
     */
    async positionAt(planId: number, entryCount: number, offset: number): Promise<number> {
      let [low, high] = [0, entryCount - 1]
      while (low < high) {
        const middle = Math.ceil((low + high) / 2)
        const row = await db
          .selectFrom('plan_entry')
          .select('offset')
          .where('plan_id', '=', planId)
          .where('position', '=', middle)
          .executeTakeFirst()
        if (row !== undefined && row.offset <= offset) low = middle
        else high = middle - 1
      }
      return low
    },

    /** Deletes a plan that is not needed, with its entries. */
    async drop(planId: number): Promise<void> {
      await db.deleteFrom('plan').where('id', '=', planId).execute()
    },

    /** Pages of the entries from this position on, in their order. */
    async *entryPages(planId: number, from = 0, pageSize = ENTRIES_PER_PAGE): AsyncGenerator<PlanEntry[]> {
      for (let after = from - 1, more = true; more; ) {
        const rows = await db
          .selectFrom('plan_entry')
          .selectAll()
          .where('plan_id', '=', planId)
          .where('position', '>', after)
          .orderBy('position')
          .limit(pageSize)
          .execute()
        if (rows.length > 0) yield rows.map(toEntry)
        after = rows.at(-1)?.position ?? after
        more = rows.length === pageSize
      }
    }
  }
}

function toColumns(plan: Plan) {
  return {
    digest: plan.digest,
    package_count: plan.packageCount,
    entry_count: plan.entryCount,
    directory_offset: plan.directoryOffset,
    archive_size: plan.archiveSize
  }
}

function toPlan(row: Selectable<PlanTable>): Plan {
  return {
    id: row.id,
    digest: row.digest,
    packageCount: row.package_count,
    entryCount: row.entry_count,
    directoryOffset: row.directory_offset,
    archiveSize: row.archive_size
  }
}

function toEntry(row: Selectable<PlanEntryTable>): PlanEntry {
  return {
    position: row.position,
    path: row.path,
    size: row.size,
    crc32: row.crc32,
    sha256: row.sha256,
    modifiedAt: row.modified_at,
    offset: row.offset,
    fixid: row.fixid,
    packagesDone: row.packages_done
  }
}
