/** Which live exports need which packages. */
import type { Kysely } from 'kysely'
import { Problem } from '../../core/problems/problem.ts'
import { isAmong } from '../engine/dialect.ts'
import type { Schema } from '../engine/schema.ts'

/**
 * Refuses to delete packages that a live export needs. Called before files are removed, in the transaction that deletes
 * the packages: it holds the write lock, so that no export is accepted in between.
 * @throws Problem PACKAGE_IN_USE with the first package and the oldest task that needs a file of it
 */
export async function refuseIfInUse(trx: Kysely<Schema>, fixids: readonly string[]): Promise<void> {
  const use = await trx
    .selectFrom('task')
    .innerJoin('job', 'job.id', 'task.job_id')
    .innerJoin('plan', 'plan.id', 'job.plan_id')
    .innerJoin('plan_entry as entry', 'entry.plan_id', 'plan.id')
    // Joined by file: packages can share files.
    .innerJoin('file', 'file.path', 'entry.path')
    .innerJoin('package_file', 'package_file.file_id', 'file.id')
    .innerJoin('package', 'package.id', 'package_file.package_id')
    .select(['task.id as taskId', 'package.fixid'])
    .where('task.state', '=', 'live')
    .where('plan.archive_state', '=', 'pending')
    .where(isAmong('package.fixid', fixids))
    .orderBy('task.id')
    .orderBy('package.fixid')
    .limit(1)
    .executeTakeFirst()
  if (use === undefined) return
  throw new Problem(
    'PACKAGE_IN_USE',
    `The package ${use.fixid} cannot be deleted: the export of task ${use.taskId} needs it.`
  )
}
