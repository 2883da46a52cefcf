import { Type } from 'typebox'
import { Problem } from '../../../core/problems/problem.ts'
import { SAMPLE_TASK_ID } from '../../samples.ts'

/** Limit for one request; more than any client needs. */
export const MAX_TASK_IDS = 1_000

/** Path parameters of routes for one or several tasks. */
export const TaskIds = Type.Object({
  ids: Type.String({
    pattern: '^[0-9]{1,16}(,[0-9]{1,16})*$',
    maxLength: 17 * MAX_TASK_IDS,
    examples: [SAMPLE_TASK_ID],
    description: 'comma-separated task ids.'
  })
})

/** @throws Problem TASK_UNKNOWN for a number too large to be a task id */
export function parseTaskId(text: string): number {
  const id = Number(text)
  if (!Number.isSafeInteger(id)) throw new Problem('TASK_UNKNOWN', `There is no task ${text}.`)
  return id
}
