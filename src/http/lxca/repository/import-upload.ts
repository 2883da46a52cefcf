import { setTimeout as delay } from 'node:timers/promises'
import { Problem } from '../../../core/problems/problem.ts'
import type { Task, TaskReader } from '../../../core/tasks/task.ts'

/**
 * Short at first, since most tasks that somebody waits for are; asking for one that has not changed costs next to
 * nothing.
 */
const FIRST_INTERVAL_MS = 15
const LAST_INTERVAL_MS = 50

/**
 * The task as soon as it has ended, or as it is after so many milliseconds.
 * @param id of a task that was there a moment ago
 * @throws Problem TASK_DELETED
 */
export async function waitForTask(tasks: TaskReader, id: number, milliseconds: number): Promise<Task> {
  const deadline = performance.now() + milliseconds
  for (let interval = FIRST_INTERVAL_MS; ; interval = Math.min(LAST_INTERVAL_MS, interval * 1.3)) {
    const task = await tasks.findTask(id)
    if (task === undefined)
      throw new Problem('TASK_DELETED', `The task ${id} was deleted while its end was waited for.`)
    if (task.finishedAt !== null || performance.now() >= deadline) return task
    await delay(interval)
  }
}
