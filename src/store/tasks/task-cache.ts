/** Tasks as they were last read: those who follow one ask far more often than anything about it changes. */
import type { Task, TaskReader } from '../../core/tasks/task.ts'
import type { Database } from '../engine/database.ts'
import { type Writes, writesSoFar } from '../engine/dialect.ts'

const MAX_REMEMBERED = 500

interface Remembered {
  readonly writes: Writes
  readonly task: Task | undefined
}

/**
 * Finds a task without reading it again as long as nobody has written to the database, which is told in a tenth of the
 * time.
 */
export function rememberTasks(db: Database, tasks: TaskReader): TaskReader {
  const remembered = new Map<number, Remembered>()
  return {
    ...tasks,
    async findTask(id) {
      // Before the task is read: what changes in between is read again.
      const writes = await writesSoFar(db)
      const known = remembered.get(id)
      if (known?.writes.foreign === writes.foreign && known.writes.own === writes.own) return known.task
      const task = await tasks.findTask(id)
      remembered.delete(id)
      remembered.set(id, { writes, task })
      const oldest = remembered.keys().next()
      if (remembered.size > MAX_REMEMBERED && !oldest.done) remembered.delete(oldest.value)
      return task
    }
  }
}
