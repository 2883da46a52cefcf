/** Equal exports share one plan: at most one plan of a digest has an archive that is pending or kept. */
import type { Kysely } from 'kysely'
import type { ArchiveState } from '../../core/storage/archive-file.ts'
import type { Schema } from '../engine/schema.ts'

/** A plan whose archive is pending or kept. */
export interface SharedPlan {
  readonly planId: number
  readonly archiveName: string
  readonly archiveSize: number
  readonly state: Extract<ArchiveState, 'pending' | 'kept'>
  readonly jobId: number
}

/** @param db the connection or a transaction */
export function createArchiveSharing(db: Kysely<Schema>) {
  return {
    /** The plan of this digest whose archive is pending or kept. */
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

    /** Keeps the plan of this digest's streamed archive until then. @returns its id, if there is one */
    async keepStreamed(digest: string, until: Date): Promise<number | undefined> {
      const row = await db
        .updateTable('plan')
        .set({ kept_until: until.getTime() })
        .where('digest', '=', digest)
        .where('archive_state', '=', 'streamed')
        .returning('id')
        .executeTakeFirst()
      return row?.id
    }
  }
}
