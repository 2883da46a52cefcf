import type { Kysely } from 'kysely'
import type { Schema } from './schema.ts'
import { endTasks, type TaskOutcome } from './task-store.ts'
import { endWork } from './work-store.ts'

/**
 * Cancels one task; its work ends when nobody else waits for it.
 * @returns the work that has ended with it, or null; undefined when the task had ended before, or never was
 */
export async function cancelTask(
  trx: Kysely<Schema>,
  taskId: number,
  { message, now }: Omit<TaskOutcome, 'state'>
): Promise<{ readonly endedWorkId: number | null } | undefined> {
  const [workId] = await endTasks(trx, { taskId }, { state: 'canceled', message, now })
  if (workId === undefined) return undefined
  const other = await trx
    .selectFrom('task')
    .select('id')
    .where('work_id', '=', workId)
    .where('state', '=', 'live')
    .executeTakeFirst()
  if (other !== undefined) return { endedWorkId: null }
  await endWork(trx, workId)
  return { endedWorkId: workId }
}
