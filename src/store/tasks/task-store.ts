/** Tasks and their messages: what callers asked for. What is done for them is in the work store. */
import { type Insertable, type Kysely, sql } from 'kysely'
import type { Message } from '../../core/problems/message.ts'
import type { LiveTotals, Task, TaskKind, TaskReader, TaskRun, TaskState } from '../../core/tasks/task.ts'
import { chunks } from '../engine/bulk-insert.ts'
import type { Database } from '../engine/database.ts'
import { indexIn, isAmong } from '../engine/dialect.ts'
import { prepareQuery } from '../engine/prepared-query.ts'
import type { Schema, TaskTable } from '../engine/schema.ts'

/** How a task ends. */
export interface TaskOutcome {
  readonly state: Extract<TaskState, 'completed' | 'failed' | 'canceled'>
  readonly message: Message
  readonly now: Date
}

/** Position of the message that says how a task ended; notes come after it. */
const OUTCOME_POSITION = 0

const TASKS_PER_PAGE = 200

/** What a task is in: while it lives, its work says it. */
const STATE = sql<string>`case task.state when 'live' then replace(job.state, 'open', 'queued') else task.state end`

const COUNTERS = ['packages_done', 'packages_total', 'bytes_done', 'bytes_total'] as const

export function createTaskStore(db: Database): TaskReader {
  // Whoever follows a task asks for it all the time.
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

type TaskRow = Awaited<ReturnType<ReturnType<typeof selectTasks>['execute']>>[number]

/** Tasks with what their work and their archive add to them. */
function selectTasks(db: Kysely<Schema>) {
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

/** A new task; runs inside the transaction that makes what the task needs. */
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

/** A task that is there for certain. */
export async function getTask(trx: Kysely<Schema>, id: number): Promise<Task> {
  const row = await selectTasks(trx).where('task.id', '=', id).executeTakeFirstOrThrow()
  return (await withMessages(trx, [row]))[0] as Task
}

/**
 * How many tasks have not ended, as far as that is less than `limit`; all that are asked for are looked at.
 * @param of only those of a kind, or of a user
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
 * Ends live tasks: all that wait for a work, or one of them.
 * @returns the ids of the work that those waited for which have ended now
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

/** Forgets a task that has ended; its number is not given to another one. */
export async function forgetTask(trx: Kysely<Schema>, id: number): Promise<void> {
  await trx.deleteFrom('task_message').where('task_id', '=', id).execute()
  await trx.deleteFrom('task').where('id', '=', id).where('state', '!=', 'live').execute()
}

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

/**
 * There is one row to be changed, and so one writer at a time: the numbers are in the order in which the ends are
 * committed.
 */
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

async function withMessages(db: Kysely<Schema>, rows: readonly TaskRow[]): Promise<Task[]> {
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

function selectMessages(db: Kysely<Schema>) {
  return db.selectFrom('task_message').select(['task_id', 'message_id', 'text', 'explanation', 'recovery'])
}

function toMessage(row: { message_id: string; text: string; explanation: string; recovery: string }): Message {
  return { id: row.message_id, text: row.text, explanation: row.explanation, recovery: row.recovery }
}

function toTask(row: TaskRow, messages: readonly Message[]): Task {
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

function toRun({ state, run_started_at: startedAt, run_started_bytes: bytesBefore }: TaskRow): TaskRun | null {
  return state === 'running' && startedAt !== null ? { startedAt: new Date(startedAt), bytesBefore } : null
}

function toDate(milliseconds: number | null): Date | null {
  return milliseconds === null ? null : new Date(milliseconds)
}

function toMessageRow(taskId: number, message: Message, position: number) {
  const { id, text, explanation, recovery } = message
  return { task_id: taskId, position, message_id: id, text, explanation, recovery }
}
