import { Type } from 'typebox'
import { Problem } from '../../../core/problems/problem.ts'
import { SAMPLE_TASK_ID } from '../../samples.ts'

/** More in one request than any client needs. */
export const MAX_TASK_IDS = 1_000

/** Path parameters of routes that are about some tasks. */
export const TaskIds = Type.Object({
  ids: Type.String({
    pattern: '^[0-9]{1,16}(,[0-9]{1,16})*$',
    maxLength: 17 * MAX_TASK_IDS,
    examples: [SAMPLE_TASK_ID],
    description: 'Task ids, parted by commas.'
  })
})

/** @throws Problem TASK_UNKNOWN for a number so large that no task can have it */
export function parseTaskId(text: string): number {
  const id = Number(text)
  if (!Number.isSafeInteger(id)) throw new Problem('TASK_UNKNOWN', `There is no task ${text}.`)
  return id
}
