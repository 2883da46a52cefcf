/** What a new task of a user needs: a free place in the user's quota, and a row. */
import type { Kysely } from 'kysely'
import type { UserLimits } from '../../core/accounts/protection.ts'
import { Problem } from '../../core/problems/problem.ts'
import type { TaskKind } from '../../core/tasks/task.ts'
import type { Schema } from '../../store/engine/schema.ts'
import { countLive } from '../../store/tasks/write-tasks.ts'

/** How many live tasks one user may have. */
export type TaskLimits = Pick<UserLimits, 'exports' | 'tasks'>

/**
 * To be called in the transaction that inserts the task.
 * @throws Problem LIMIT_REACHED when the user has as many live tasks as are allowed
 */
export async function checkQuota(
  trx: Kysely<Schema>,
  limits: TaskLimits,
  { userName, kind }: { readonly userName: string; readonly kind: TaskKind }
): Promise<void> {
  const check = async (limit: number, noun: string, ofKind?: TaskKind) => {
    // No index has the user's name: the rows are read only when the index shows enough live tasks of all users.
    if ((await countLive(trx, limit, { kind: ofKind })) < limit) return
    if ((await countLive(trx, limit, { kind: ofKind, userName })) < limit) return
    throw new Problem(
      'LIMIT_REACHED',
      `The user ${userName} has ${limit} ${noun} that have not ended; no more are allowed.`
    )
  }
  if (kind === 'export') await check(limits.exports, 'exports', kind)
  await check(limits.tasks, 'tasks')
}

/** The row of a task that has not ended. */
export function liveTask(kind: TaskKind, jobId: number, createdBy: string, createdAt: Date) {
  return {
    kind,
    state: 'live',
    job_id: jobId,
    created_by: createdBy,
    created_at: createdAt.getTime(),
    finished_at: null
  }
}
