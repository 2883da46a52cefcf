/** The decision of an import: which files of the repository it changes. */
import type { Kysely } from 'kysely'
import type { ImportChange } from '../../core/import/import.ts'
import type { Lease } from '../../core/tasks/job.ts'
import { bulkInsert } from '../engine/bulk-insert.ts'
import type { Schema } from '../engine/schema.ts'
import { confirmLease } from '../tasks/job-progress.ts'

/** @param db the connection or a transaction */
export function createImportChanges(db: Kysely<Schema>) {
  return {
    /** The changes of the import, in their order; none before the decision. */
    async changes(jobId: number): Promise<ImportChange[]> {
      const rows = await db
        .selectFrom('import_change')
        .select(['path', 'staged'])
        .where('job_id', '=', jobId)
        .orderBy('position')
        .execute()
      return rows.map(({ path, staged }) => ({ path, staged: staged ?? undefined }))
    },

    /**
     * Records the changes of the import. Requires a transaction.
     * @param fixids of the packages whose files change
     * @throws LeaseLost when the import was canceled or has another lease
     */
    async decide(lease: Lease, changes: readonly ImportChange[], fixids: readonly string[]): Promise<void> {
      await confirmLease(db, lease)
      const packages = fixids.map((fixid) => ({ job_id: lease.jobId, fixid }))
      await bulkInsert(db, 'import_package', ['job_id', 'fixid'], packages)
      const rows = changes.map(({ path, staged = null }, position) => ({
        job_id: lease.jobId,
        position,
        path,
        staged
      }))
      await bulkInsert(db, 'import_change', ['job_id', 'position', 'path', 'staged'], rows)
    },

    /** Deletes the decision, after the changes that were made have been reverted. */
    async undecide(jobId: number): Promise<void> {
      await db.deleteFrom('import_change').where('job_id', '=', jobId).execute()
      await db.deleteFrom('import_package').where('job_id', '=', jobId).execute()
    }
  }
}
