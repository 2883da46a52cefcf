/** How long archives are kept, and what becomes of their plans. */
import { type Kysely, sql } from 'kysely'
import { greatest } from '../engine/dialect.ts'
import type { Schema } from '../engine/schema.ts'

/** @param db the connection or a transaction */
export function createArchiveRetention(db: Kysely<Schema>) {
  return {
    /** Extends the time that an archive is kept; a later time that was promised before remains. */
    async keepLonger(planId: number, until: Date): Promise<void> {
      await db
        .updateTable('plan')
        .set({ kept_until: greatest('kept_until', until.getTime()) })
        .where('id', '=', planId)
        .execute()
    },

    /** Gives up the archives whose time is over. @returns their names; no plan owns their files any more */
    async expire(now: Date): Promise<string[]> {
      const due = await db
        .selectFrom('plan')
        .select('id')
        .where('archive_state', '=', 'kept')
        .where('kept_until', '<=', now.getTime())
        .execute()
      const names: string[] = []
      for (const { id } of due) {
        // A kept archive does not need the entries of its plan: an interruption after this statement loses nothing.
        await deleteEntries(db, id)
        const gone = await db
          .updateTable('plan')
          .set({ archive_state: 'gone' })
          .where('id', '=', id)
          .where('archive_state', '=', 'kept')
          .where('kept_until', '<=', now.getTime())
          .returning('archive_name')
          .executeTakeFirst()
        if (gone !== undefined) names.push(gone.archive_name ?? '')
      }
      return names
    },

    /** Deletes the plans of streamed archives whose time is over. */
    async forgetStreamed(now: Date): Promise<void> {
      await db
        .deleteFrom('plan')
        .where('archive_state', '=', 'streamed')
        .where('kept_until', '<=', now.getTime())
        .execute()
    },

    /** Records that a kept archive is missing from the storage. */
    async markGone(planId: number): Promise<void> {
      const gone = await db
        .updateTable('plan')
        .set({ archive_state: 'gone' })
        .where('id', '=', planId)
        .where('archive_state', '=', 'kept')
        .executeTakeFirstOrThrow()
      if (gone.numUpdatedRows > 0n) await deleteEntries(db, planId)
    },

    /** Bytes that the live exports will still write. */
    async reservedBytes(): Promise<number> {
      const row = await db
        .selectFrom('job')
        .select(sql<number>`coalesce(sum(bytes_total - checkpoint_offset), 0)`.as('bytes'))
        .where('state', 'in', ['queued', 'running'])
        .where('kind', '=', 'export')
        .executeTakeFirstOrThrow()
      return row.bytes
    }
  }
}

/** Records that the archive of a plan is complete. */
export async function keepArchive(db: Kysely<Schema>, planId: number, until: Date): Promise<void> {
  await db
    .updateTable('plan')
    .set({ archive_state: 'kept', kept_until: until.getTime() })
    .where('id', '=', planId)
    .execute()
}

/** Records that the archive of a plan will not be packed. */
export async function endPlan(db: Kysely<Schema>, planId: number): Promise<void> {
  await db.updateTable('plan').set({ archive_state: 'none' }).where('id', '=', planId).execute()
  await deleteEntries(db, planId)
}

/** The entries are numerous, and not needed any more. */
async function deleteEntries(db: Kysely<Schema>, planId: number): Promise<void> {
  await db.deleteFrom('plan_entry').where('plan_id', '=', planId).execute()
}
