/** Inserts, ends and deletes tasks, inside the transactions of the caller. */
import { type Insertable, type Kysely, sql } from 'kysely'
import type { Message } from '../../core/problems/message.ts'
import type { Task, TaskKind, TaskState } from '../../core/tasks/task.ts'
import { chunks } from '../engine/bulk-insert.ts'
import { indexIn, isAmong } from '../engine/dialect.ts'
import type { Schema, TaskTable } from '../engine/schema.ts'
import { type COUNTERS, getTask, toMessageRow } from './task-rows.ts'

/** How a task ends. */
export interface TaskOutcome {
  readonly state: Extract<TaskState, 'completed' | 'failed' | 'canceled'>
  readonly message: Message
  readonly now: Date
}

/** Position of the message about the outcome of a task; notes come after it. */
const OUTCOME_POSITION = 0

/** Inserts a task, in the transaction that creates what the task needs. */
export async function insertTask(
  trx: Kysely<Schema>,
  task: Insertable<TaskTable>,
  { notes }: { readonly notes: readonly Message[] }
): Promise<Task> {
  const { id } = await trx.insertInto('task').values(task).returning('id').executeTakeFirstOrThrow()
  const rows = notes.map((note, index) => toMessageRow(id, note, OUTCOME_POSITION + 1 + index))
  for (const part of chunks(rows)) await trx.insertInto('task_message').values(part).execute()
  return getTask(trx, id)
}

/**
 * Counts live tasks up to a limit, so that it reads no more rows than that.
 * @param of the kind and the user of the tasks; by default all of them
 */
export async function countLive(
  trx: Kysely<Schema>,
  limit: number,
  of: { readonly kind?: TaskKind | undefined; readonly userName?: string } = {}
): Promise<number> {
  const live = trx.selectFrom('task').select(sql<number>`1`.as('one')).where('state', '=', 'live').limit(limit)
  const ofKind = of.kind === undefined ? live : live.where('kind', '=', of.kind)
  const found = of.userName === undefined ? ofKind : ofKind.where('created_by', '=', of.userName)
  const { count } = await trx
    .selectFrom(found.as('found'))
    .select(sql<number>`count(*)`.as('count'))
    .executeTakeFirstOrThrow()
  return count
}

/**
 * Ends live tasks: all that wait for a job, or one task.
 * @returns the ids of the jobs of the tasks that have ended now
 */
export async function endTasks(
  trx: Kysely<Schema>,
  which: { readonly jobId: number } | { readonly taskId: number },
  outcome: TaskOutcome
): Promise<number[]> {
  const tasks =
    'taskId' in which
      ? end(trx, outcome).where('id', '=', which.taskId)
      : end(trx, outcome).where('job_id', '=', which.jobId)
  const rows = await tasks.returning(['id', 'job_id']).execute()
  const ids = rows.map((row) => row.id)
  await numberEnded(trx, ids)
  const messages = ids.map((id) => toMessageRow(id, outcome.message, OUTCOME_POSITION))
  for (const part of chunks(messages)) await trx.insertInto('task_message').values(part).execute()
  return rows.map((row) => row.job_id)
}

/** Deletes a task that has ended; its id and its end number are not used again. */
export async function forgetTask(trx: Kysely<Schema>, id: number): Promise<void> {
  await trx.deleteFrom('task_message').where('task_id', '=', id).execute()
  await trx.deleteFrom('task').where('id', '=', id).where('state', '!=', 'live').execute()
}

/** An update that ends live tasks and copies the counters of their job. */
function end(trx: Kysely<Schema>, { state, now }: TaskOutcome) {
  const last = (column: (typeof COUNTERS)[number]) =>
    sql<number>`(select ${sql.ref(column)} from job where job.id = task.job_id)`
  return trx
    .updateTable('task')
    .set({
      state,
      finished_at: now.getTime(),
      packages_done: last('packages_done'),
      packages_total: last('packages_total'),
      bytes_done: last('bytes_done'),
      bytes_total: last('bytes_total')
    })
    .where('state', '=', 'live')
}

/** The update of the one row of `task_count` serializes writers: end numbers have the order of the commits. */
async function numberEnded(trx: Kysely<Schema>, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return
  const { ended } = await trx
    .updateTable('task_count')
    .set((eb) => ({ ended: eb('ended', '+', ids.length) }))
    .returning('ended')
    .executeTakeFirstOrThrow()
  await trx
    .updateTable('task')
    .set({ end_number: sql<number>`${ended - ids.length + 1} + ${indexIn(ids, 'task.id')}` })
    .where(isAmong('id', ids))
    .execute()
}
