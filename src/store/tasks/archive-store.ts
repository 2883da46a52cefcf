/**
 * What has become of the archives of plans: which are kept, for how long, and which files on the disk are somebody's.
 */
import { type Kysely, sql } from 'kysely'
import type { ArchiveState } from '../../core/tasks/job.ts'
import { greatest, isAmong } from '../engine/dialect.ts'
import type { Schema } from '../engine/schema.ts'

/** An archive that is there, or was. */
export interface KnownArchive {
  readonly digest: string
  readonly state: ArchiveState
  readonly keptUntil: Date | null
}

/** A plan with a digest that is pending or kept. */
export interface SharedPlan {
  readonly planId: number
  readonly archiveName: string
  readonly archiveSize: number
  readonly state: Extract<ArchiveState, 'pending' | 'kept'>
  /** Its work. */
  readonly jobId: number
}

export type ArchiveStore = ReturnType<typeof createArchiveStore>

/** @param db also a transaction */
export function createArchiveStore(db: Kysely<Schema>) {
  return {
    /** The archive of this name, whatever has become of it. */
    async findArchive(name: string): Promise<KnownArchive | undefined> {
      const row = await db
        .selectFrom('plan')
        .select(['digest', 'archive_state', 'kept_until'])
        .where('archive_name', '=', name)
        .executeTakeFirst()
      return (
        row && {
          digest: row.digest,
          state: row.archive_state as ArchiveState,
          keptUntil: row.kept_until === null ? null : new Date(row.kept_until)
        }
      )
    },

    /** The name of a plan's archive. */
    async nameOf(planId: number): Promise<string> {
      const row = await db.selectFrom('plan').select('archive_name').where('id', '=', planId).executeTakeFirstOrThrow()
      return row.archive_name ?? ''
    },

    /** The one plan of this digest whose archive is there or will be. */
    async findShared(digest: string): Promise<SharedPlan | undefined> {
      const row = await db
        .selectFrom('plan')
        .innerJoin('job', 'job.plan_id', 'plan.id')
        .select(['plan.id', 'plan.archive_name', 'plan.archive_size', 'plan.archive_state', 'job.id as job_id'])
        .where('plan.digest', '=', digest)
        .where('plan.archive_state', 'in', ['pending', 'kept'])
        .executeTakeFirst()
      return (
        row && {
          planId: row.id,
          archiveName: row.archive_name ?? '',
          archiveSize: row.archive_size,
          state: row.archive_state as SharedPlan['state'],
          jobId: row.job_id
        }
      )
    },

    /** The plan of this digest that is read without being packed, if there is one; it is kept until then. */
    async keepDirect(digest: string, until: Date): Promise<number | undefined> {
      const row = await db
        .updateTable('plan')
        .set({ kept_until: until.getTime() })
        .where('digest', '=', digest)
        .where('archive_state', '=', 'streamed')
        .returning('id')
        .executeTakeFirst()
      return row?.id
    },

    async isNameTaken(name: string): Promise<boolean> {
      const row = await db.selectFrom('plan').select('id').where('archive_name', '=', name).executeTakeFirst()
      return row !== undefined
    },

    /** How many archives have a name that begins with this and goes on with digits. */
    async countNames(beginning: string): Promise<number> {
      const row = await db
        .selectFrom('plan')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('archive_name', '>=', beginning)
        // The sign behind the digits.
        .where('archive_name', '<', `${beginning}:`)
        .executeTakeFirstOrThrow()
      return row.count
    },

    /** Keeps an archive until then, and never for less long than was promised before. */
    async keepLonger(planId: number, until: Date): Promise<void> {
      await db
        .updateTable('plan')
        .set({ kept_until: greatest('kept_until', until.getTime()) })
        .where('id', '=', planId)
        .execute()
    },

    /** Gives up the archives whose time is over; returns their names. Their files are nobody's from now on. */
    async expire(now: Date): Promise<string[]> {
      const due = await db
        .selectFrom('plan')
        .select('id')
        .where('archive_state', '=', 'kept')
        .where('kept_until', '<=', now.getTime())
        .execute()
      const names: string[] = []
      for (const { id } of due) {
        // Nobody needs the entries of an archive that is kept: an interruption after this loses nothing.
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

    /** Forgets plans of archives that nobody has read for long. */
    async forgetDirect(now: Date): Promise<void> {
      await db
        .deleteFrom('plan')
        .where('archive_state', '=', 'streamed')
        .where('kept_until', '<=', now.getTime())
        .execute()
    },

    /** An archive that should be there and is not. */
    async markGone(planId: number): Promise<void> {
      const gone = await db
        .updateTable('plan')
        .set({ archive_state: 'gone' })
        .where('id', '=', planId)
        .where('archive_state', '=', 'kept')
        .executeTakeFirstOrThrow()
      if (gone.numUpdatedRows > 0n) await deleteEntries(db, planId)
    },

    /** Of these archives, the ones that are there or will be. */
    async ownedNames(names: readonly string[]): Promise<Map<string, Extract<ArchiveState, 'pending' | 'kept'>>> {
      const rows = await db
        .selectFrom('plan')
        .select(['archive_name', 'archive_state'])
        .where(isAmong('archive_name', names))
        .where('archive_state', 'in', ['pending', 'kept'])
        .execute()
      return new Map(rows.map((row) => [row.archive_name ?? '', row.archive_state as 'pending' | 'kept']))
    },

    /** Bytes that the archives which are still to be packed, or to be packed to their end, will take. */
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

/** The archive is packed, and there. */
export async function keepArchive(db: Kysely<Schema>, planId: number, until: Date): Promise<void> {
  await db
    .updateTable('plan')
    .set({ archive_state: 'kept', kept_until: until.getTime() })
    .where('id', '=', planId)
    .execute()
}

/** The archive will never be there. */
export async function endPlan(db: Kysely<Schema>, planId: number): Promise<void> {
  await db.updateTable('plan').set({ archive_state: 'none' }).where('id', '=', planId).execute()
  await deleteEntries(db, planId)
}

/** They are many, and nobody asks for them any more. */
async function deleteEntries(db: Kysely<Schema>, planId: number): Promise<void> {
  await db.deleteFrom('plan_entry').where('plan_id', '=', planId).execute()
}
