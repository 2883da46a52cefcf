/** The export that a path names. */
import { Type } from 'typebox'
import { Problem } from '../../../core/problems/problem.ts'
import type { Task, TaskReader } from '../../../core/tasks/task.ts'

export const ExportParams = Type.Object({
  id: Type.String({
    pattern: '^[0-9]{1,16}$',
    examples: ['2'],
    description: 'the number of an export. The example is the first one, as long as it goes on.'
  })
})

/** @throws Problem EXPORT_UNKNOWN */
export async function findExport(tasks: TaskReader, id: string): Promise<Task> {
  const number = Number(id)
  // SQLite has no larger numbers either.
  const task = Number.isSafeInteger(number) ? await tasks.findTask(number) : undefined
  if (task?.kind !== 'export') throw new Problem('EXPORT_UNKNOWN', `There is no export ${id}.`)
  return task
}
