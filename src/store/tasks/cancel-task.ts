import type { Kysely } from 'kysely'
import type { Schema } from '../engine/schema.ts'
import { endJob } from './job-store.ts'
import { endTasks, type TaskOutcome } from './write-tasks.ts'

/**
 * Cancels one task. Its job ends if no other live task waits for it; the worker notices at its next write.
 * @returns `ended` when the task had already ended
 */
export async function cancelTask(
  trx: Kysely<Schema>,
  taskId: number,
  { message, now }: Omit<TaskOutcome, 'state'>
): Promise<'canceled' | 'ended' | 'unknown'> {
  const [jobId] = await endTasks(trx, { taskId }, { state: 'canceled', message, now })
  if (jobId === undefined) {
    const known = await trx.selectFrom('task').select('id').where('id', '=', taskId).executeTakeFirst()
    return known === undefined ? 'unknown' : 'ended'
  }
  const other = await trx
    .selectFrom('task')
    .select('id')
    .where('job_id', '=', jobId)
    .where('state', '=', 'live')
    .executeTakeFirst()
  if (other === undefined) await endJob(trx, jobId)
  return 'canceled'
}
