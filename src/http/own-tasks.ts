/** Tasks of others are ended by operators only. */
import { covers, type Identity } from '../core/accounts/access.ts'
import { Problem } from '../core/problems/problem.ts'
import type { TaskReader } from '../core/tasks/task.ts'

/**
 * Who has asked for a task never changes, so that this can be looked at beforehand. Unknown tasks are left to the desk.
 * @throws Problem ACCESS_DENIED
 */
export async function requireOwnTasks(
  identity: Identity | null,
  tasks: Pick<TaskReader, 'findTask'>,
  ids: readonly number[]
): Promise<void> {
  if (identity === null || covers(identity.role, 'operator')) return
  for (const id of ids) {
    const task = await tasks.findTask(id)
    if (task === undefined || task.createdBy === identity.name) continue
    throw new Problem('ACCESS_DENIED', `The task ${id} is of ${task.createdBy}: to cancel it needs the role operator.`)
  }
}
