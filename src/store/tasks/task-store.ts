/** Reads tasks and their messages: what callers asked for. The jobs that are done for them are in `job-store.ts`. */
import { sql } from 'kysely'
import type { LiveTotals, TaskReader } from '../../core/tasks/task.ts'
import type { Database } from '../engine/database.ts'
import { prepareQuery } from '../engine/prepared-query.ts'
import { type COUNTERS, STATE, selectMessages, selectTasks, toMessage, toTask, withMessages } from './task-rows.ts'

const TASKS_PER_PAGE = 200

export function createTaskStore(db: Database): TaskReader {
  // Prepared, because clients poll their tasks.
  const taskWithId = prepareQuery(db, (id: number) => selectTasks(db).where('task.id', '=', id))
  const messagesOfTask = prepareQuery(db, (id: number) =>
    selectMessages(db).where('task_id', '=', id).orderBy('position')
  )
  return {
    async findTask(id) {
      const [row] = await taskWithId(id)
      return row === undefined ? undefined : toTask(row, (await messagesOfTask(id)).map(toMessage))
    },

    async *taskPages() {
      for (let before = Number.MAX_SAFE_INTEGER, more = true; more; ) {
        const rows = await selectTasks(db)
          .where('task.id', '<', before)
          .orderBy('task.id', 'desc')
          .limit(TASKS_PER_PAGE)
          .execute()
        if (rows.length > 0) yield await withMessages(db, rows)
        before = rows.at(-1)?.id ?? 0
        more = rows.length === TASKS_PER_PAGE
      }
    },

    async taskPage({ kind, state }, before, limit) {
      const rows = await selectTasks(db)
        .where('task.kind', '=', kind)
        .where('task.id', '<', before)
        .$if(state !== undefined, (query) => query.where(STATE, '=', state ?? ''))
        .orderBy('task.id', 'desc')
        .limit(limit)
        .execute()
      return withMessages(db, rows)
    },

    async liveTasks(kind, limit) {
      const rows = await selectTasks(db)
        .where('task.state', '=', 'live')
        .$if(kind !== undefined, (query) => query.where('task.kind', '=', kind ?? ''))
        .orderBy('task.id')
        .limit(limit)
        .execute()
      return withMessages(db, rows)
    },

    async endedTasks(kind, after, limit) {
      const rows = await selectTasks(db)
        .where('task.kind', '=', kind)
        .where('task.end_number', '>', after)
        .orderBy('task.end_number')
        .limit(limit)
        .execute()
      const tasks = await withMessages(db, rows)
      return tasks.map((task, index) => ({ endNumber: rows[index]?.end_number ?? after, task }))
    },

    async lastEndNumber() {
      return (await db.selectFrom('task_count').select('ended').executeTakeFirstOrThrow()).ended
    },

    async liveTotals(kind) {
      const total = (column: (typeof COUNTERS)[number]) => sql<number>`coalesce(sum(${sql.ref(`job.${column}`)}), 0)`
      const row = await db
        .selectFrom('task')
        .innerJoin('job', 'job.id', 'task.job_id')
        .select((eb) => [
          eb.fn.countAll<number>().as('count'),
          sql<number>`count(*) filter (where job.state in ('queued', 'open'))`.as('queued'),
          total('packages_done').as('packagesDone'),
          total('packages_total').as('packagesTotal'),
          total('bytes_done').as('bytesDone'),
          total('bytes_total').as('bytesTotal')
        ])
        .where('task.state', '=', 'live')
        .$if(kind !== undefined, (query) => query.where('task.kind', '=', kind ?? ''))
        .executeTakeFirstOrThrow()
      return row satisfies LiveTotals
    }
  }
}
