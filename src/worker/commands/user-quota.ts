/** How many tasks one user may have that have not ended. */
import type { Kysely } from 'kysely'
import type { UserLimits } from '../../core/accounts/protection.ts'
import { Problem } from '../../core/problems/problem.ts'
import type { TaskKind } from '../../core/tasks/task.ts'
import type { Schema } from '../../store/engine/schema.ts'
import { countLive } from '../../store/tasks/write-tasks.ts'

export type TaskLimits = Pick<UserLimits, 'exports' | 'tasks'>

/**
 * Call it in the transaction that makes the task.
 * @throws Problem LIMIT_REACHED when the user may have no more
 */
export async function checkQuota(
  trx: Kysely<Schema>,
  limits: TaskLimits,
  { userName, kind }: { readonly userName: string; readonly kind: TaskKind }
): Promise<void> {
  const check = async (limit: number, noun: string, ofKind?: TaskKind) => {
    // Whose they are is in the rows themselves: they are looked at only where an index has shown that there are enough.
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
