/** The export in the path of a request. */
import { Type } from 'typebox'
import { Problem } from '../../../core/problems/problem.ts'
import type { Task, TaskReader } from '../../../core/tasks/task.ts'
import { PROBLEM_RESPONSES, problemResponse } from '../../bodies/problem-body.ts'

export const ExportParams = Type.Object({
  id: Type.String({
    pattern: '^[0-9]{1,16}$',
    examples: ['2'],
    description: 'the id of an export. The example is the first export of a new depot.'
  })
})

/** Errors of the routes that need the archive of an export, or its plan. */
export const CONTENT_RESPONSES = {
  404: problemResponse('There is no such export.'),
  410: problemResponse('The archive is no longer kept, or will never exist.'),
  ...PROBLEM_RESPONSES
}

/** @throws Problem EXPORT_UNKNOWN */
export async function findExport(tasks: TaskReader, id: string): Promise<Task> {
  const number = Number(id)
  // SQLite has no larger integers.
  const task = Number.isSafeInteger(number) ? await tasks.findTask(number) : undefined
  if (task?.kind !== 'export') throw new Problem('EXPORT_UNKNOWN', `There is no export ${id}.`)
  return task
}

export function archiveGone({ id, state }: Task): Problem {
  const text = state === 'completed' ? 'is no longer kept' : `does not exist: it is ${state}`
  return new Problem('ARCHIVE_GONE', `The archive of the export ${id} ${text}.`)
}
