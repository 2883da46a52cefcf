/** Which imports change which packages, from their decision until the changes are made or reverted. */
import type { Kysely } from 'kysely'
import { Problem } from '../../core/problems/problem.ts'
import { isAmong } from '../engine/dialect.ts'
import type { Schema } from '../engine/schema.ts'

/**
 * Refuses to delete packages that an import changes. Called before files are removed, in the transaction that deletes
 * the packages.
 * @throws Problem PACKAGE_IMPORTED with the first package and the oldest import that changes files of it
 */
export async function refuseIfImported(trx: Kysely<Schema>, fixids: readonly string[]): Promise<void> {
  const change = await trx
    .selectFrom(changing(trx).as('change'))
    .selectAll()
    .where(isAmong('change.fixid', fixids))
    .orderBy('change.taskId')
    .orderBy('change.fixid')
    .limit(1)
    .executeTakeFirst()
  if (change === undefined) return
  const { fixid, taskId, state } = change
  const reason =
    state === 'canceled'
      ? `the import of task ${taskId}, which was canceled, is reverting its changes`
      : `the import of task ${taskId} changes its files`
  throw new Problem('PACKAGE_IMPORTED', `The package ${fixid} cannot be deleted: ${reason}.`)
}

/**
 * Packages that an import declares as changed, and packages that share a file with its changes. A failed import has
 * reverted its changes before it ends; a canceled one has not.
 */
export function changing(db: Kysely<Schema>) {
  const declared = db
    .selectFrom('import_package as own')
    .innerJoin('job', 'job.id', 'own.job_id')
    .innerJoin('task', 'task.job_id', 'job.id')
    .select(['own.fixid', 'task.id as taskId', 'task.state'])
    .where((eb) => eb.or([eb('job.state', '!=', 'ended'), eb('task.state', '=', 'canceled')]))
  const sharing = db
    .selectFrom('import_change as change')
    .innerJoin('job', 'job.id', 'change.job_id')
    .innerJoin('task', 'task.job_id', 'job.id')
    .innerJoin('file', 'file.path', 'change.path')
    .innerJoin('package_file', 'package_file.file_id', 'file.id')
    .innerJoin('package', 'package.id', 'package_file.package_id')
    .select(['package.fixid', 'task.id as taskId', 'task.state'])
    .where((eb) => eb.or([eb('job.state', '!=', 'ended'), eb('task.state', '=', 'canceled')]))
  return declared.union(sharing)
}
