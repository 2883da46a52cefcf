/** Tasks as they were last read: those who follow one ask far more often than anything about it changes. */
import { LRUCache } from 'lru-cache'
import type { Task, TaskReader } from '../../core/tasks/task.ts'
import { type ChangeCounter, readChangeCounter } from '../engine/change-counter.ts'
import type { Database } from '../engine/database.ts'

const MAX_REMEMBERED = 500

interface Remembered {
  readonly writes: ChangeCounter
  readonly task: Task | undefined
}

/**
 * Finds a task without reading it again as long as nobody has written to the database, which is told in a tenth of the
 * time.
 */
export function rememberTasks(db: Database, tasks: TaskReader): TaskReader {
  const remembered = new LRUCache<number, Remembered>({ max: MAX_REMEMBERED })
  return {
    ...tasks,
    async findTask(id) {
      // Before the task is read: what changes in between is read again.
      const writes = await readChangeCounter(db)
      const known = remembered.get(id)
      if (known?.writes.foreign === writes.foreign && known.writes.own === writes.own) return known.task
      const task = await tasks.findTask(id)
      remembered.set(id, { writes, task })
      return task
    }
  }
}
