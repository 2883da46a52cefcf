/** Tasks as rows: the query that selects them, and their messages. */
import { type Kysely, sql } from 'kysely'
import type { Message } from '../../core/problems/message.ts'
import type { Task, TaskKind, TaskRun, TaskState } from '../../core/tasks/task.ts'
import type { Schema } from '../engine/schema.ts'

/** The state of a task; while it is live, the state of its job. */
export const STATE = sql<string>`case task.state when 'live' then replace(job.state, 'open', 'queued') else task.state end`

export const COUNTERS = ['packages_done', 'packages_total', 'bytes_done', 'bytes_total'] as const

export type TaskRow = Awaited<ReturnType<ReturnType<typeof selectTasks>['execute']>>[number]

/** Tasks with the columns of their job and their archive. */
export function selectTasks(db: Kysely<Schema>) {
  return db
    .selectFrom('task')
    .innerJoin('job', 'job.id', 'task.job_id')
    .leftJoin('plan', 'plan.id', 'job.plan_id')
    .select(['task.id', 'task.kind', 'task.created_by', 'task.created_at', 'task.finished_at', 'task.end_number'])
    .select(['job.started_at', 'job.run_started_at', 'job.run_started_bytes', 'plan.archive_name'])
    .select(STATE.as('state'))
    .select(
      COUNTERS.map((column) =>
        sql<number>`case task.state when 'live' then ${sql.ref(`job.${column}`)} else ${sql.ref(`task.${column}`)} end`.as(
          column
        )
      )
    )
}

export function selectMessages(db: Kysely<Schema>) {
  return db.selectFrom('task_message').select(['task_id', 'message_id', 'text', 'explanation', 'recovery'])
}

/** The tasks of these rows, in their order. */
export async function withMessages(db: Kysely<Schema>, rows: readonly TaskRow[]): Promise<Task[]> {
  if (rows.length === 0) return []
  const messages = await selectMessages(db)
    .where(
      'task_id',
      'in',
      rows.map((row) => row.id)
    )
    .orderBy('task_id')
    .orderBy('position')
    .execute()
  const byTask = Map.groupBy(messages, (message) => message.task_id)
  return rows.map((row) => toTask(row, (byTask.get(row.id) ?? []).map(toMessage)))
}

/** A task that exists. */
export async function getTask(trx: Kysely<Schema>, id: number): Promise<Task> {
  const row = await selectTasks(trx).where('task.id', '=', id).executeTakeFirstOrThrow()
  return (await withMessages(trx, [row]))[0] as Task
}

export function toTask(row: TaskRow, messages: readonly Message[]): Task {
  return {
    id: row.id,
    kind: row.kind as TaskKind,
    state: row.state as TaskState,
    packagesDone: row.packages_done,
    packagesTotal: row.packages_total,
    bytesDone: row.bytes_done,
    bytesTotal: row.bytes_total,
    archiveName: row.archive_name ?? '',
    createdBy: row.created_by,
    createdAt: new Date(row.created_at),
    startedAt: toDate(row.started_at),
    finishedAt: toDate(row.finished_at),
    run: toRun(row),
    messages
  }
}

export function toMessage(row: { message_id: string; text: string; explanation: string; recovery: string }): Message {
  return { id: row.message_id, text: row.text, explanation: row.explanation, recovery: row.recovery }
}

export function toMessageRow(taskId: number, message: Message, position: number) {
  const { id, text, explanation, recovery } = message
  return { task_id: taskId, position, message_id: id, text, explanation, recovery }
}

function toRun({ state, run_started_at: startedAt, run_started_bytes: bytesBefore }: TaskRow): TaskRun | null {
  return state === 'running' && startedAt !== null ? { startedAt: new Date(startedAt), bytesBefore } : null
}

function toDate(milliseconds: number | null): Date | null {
  return milliseconds === null ? null : new Date(milliseconds)
}
