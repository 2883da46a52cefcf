import { Problem } from '../../core/problem.ts'

/** @throws Problem TASK_UNKNOWN for a number so large that no task can have it */
export function parseTaskId(text: string): number {
  const id = Number(text)
  if (!Number.isSafeInteger(id)) throw new Problem('TASK_UNKNOWN', `There is no task ${text}.`)
  return id
}
