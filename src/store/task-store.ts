/** Tasks and their messages. Every change of state is one conditional statement, so that two callers can never both win. */
import { type Insertable, type Kysely, type Selectable, sql } from 'kysely'
import type { Message } from '../core/message.ts'
import {
  LIVE_STATES,
  type LiveTotals,
  type Task,
  type TaskKind,
  type TaskProgress,
  type TaskReader,
  type TaskState
} from '../core/task.ts'
import { chunks } from './chunks.ts'
import type { Depot } from './database.ts'
import { durableTransaction } from './durable-transaction.ts'
import type { Schema, TaskTable } from './schema.ts'

/** A task that a worker has claimed, with what it needs to run it. */
export interface ClaimedTask extends Task {
  readonly planId: number | null
}

/** How a task ends. */
export interface TaskOutcome {
  readonly state: Extract<TaskState, 'completed' | 'failed' | 'canceled'>
  readonly message: Message
  readonly now: Date
}

export interface TaskStore extends TaskReader {
  /** Hands the oldest waiting task of a kind to the caller, and to nobody else; undefined when none waits. */
  claimNext(kind: TaskKind, now: Date): Promise<ClaimedTask | undefined>
  /** Records how far a running task is. */
  saveProgress(id: number, progress: TaskProgress): Promise<void>
  /** Records how much there is to do, once that is known. */
  saveTotals(id: number, packagesTotal: number, bytesTotal: number): Promise<void>
  /** Ends a running task for good; false when it was not running. */
  finish(id: number, outcome: TaskOutcome): Promise<boolean>
  /** Puts a running task back in the queue: its worker is gone. */
  requeue(id: number): Promise<void>
  /** The same for all running tasks, after the process that ran them has gone. */
  requeueAll(): Promise<void>
  /** The completed export that made this archive. */
  findExportByArchive(name: string): Promise<{ readonly digest: string } | undefined>
}

/** Position of the message that says how a task ended; notes come after it. */
const OUTCOME_POSITION = 0

export function createTaskStore(db: Depot): TaskStore {
  return {
    async findTask(id) {
      const row = await db.selectFrom('task').selectAll().where('id', '=', id).executeTakeFirst()
      return row === undefined ? undefined : (await withMessages(db, [row]))[0]
    },

    async liveTasks(kind, limit) {
      const rows = await db
        .selectFrom('task')
        .selectAll()
        .where('state', 'in', LIVE_STATES)
        .$if(kind !== undefined, (query) => query.where('kind', '=', kind ?? ''))
        .orderBy('id')
        .limit(limit)
        .execute()
      return withMessages(db, rows)
    },

    async liveTotals(kind) {
      const total = (column: 'packages_done' | 'packages_total' | 'bytes_done' | 'bytes_total') =>
        sql<number>`coalesce(sum(${sql.ref(column)}), 0)`
      const row = await db
        .selectFrom('task')
        .select((eb) => [
          eb.fn.countAll<number>().as('count'),
          sql<number>`coalesce(sum(state = 'queued'), 0)`.as('queued'),
          total('packages_done').as('packagesDone'),
          total('packages_total').as('packagesTotal'),
          total('bytes_done').as('bytesDone'),
          total('bytes_total').as('bytesTotal')
        ])
        .where('state', 'in', LIVE_STATES)
        .$if(kind !== undefined, (query) => query.where('kind', '=', kind ?? ''))
        .executeTakeFirstOrThrow()
      return row satisfies LiveTotals
    },

    async claimNext(kind, now) {
      const row = await db
        .updateTable('task')
        .set((eb) => ({
          state: 'running',
          started_at: eb.fn.coalesce('started_at', eb.val(now.getTime())),
          attempt: eb('attempt', '+', 1)
        }))
        .where('id', '=', (eb) =>
          eb
            .selectFrom('task')
            .select('id')
            .where('state', '=', 'queued')
            .where('kind', '=', kind)
            .orderBy('id')
            .limit(1)
        )
        .returningAll()
        .executeTakeFirst()
      return row && { ...toTask(row, []), planId: row.plan_id }
    },

    async saveProgress(id, { packagesDone, bytesDone }) {
      await db
        .updateTable('task')
        .set({ packages_done: packagesDone, bytes_done: bytesDone })
        .where('id', '=', id)
        .where('state', '=', 'running')
        .execute()
    },

    async saveTotals(id, packagesTotal, bytesTotal) {
      await db
        .updateTable('task')
        .set({ packages_total: packagesTotal, bytes_total: bytesTotal })
        .where('id', '=', id)
        .where('state', '=', 'running')
        .execute()
    },

    async finish(id, { state, message, now }) {
      return durableTransaction(db, async (trx) => {
        const { numUpdatedRows } = await trx
          .updateTable('task')
          .set({ state, finished_at: now.getTime() })
          // A completed task is done to its last byte and package.
          .$if(state === 'completed', (query) =>
            query.set((eb) => ({ packages_done: eb.ref('packages_total'), bytes_done: eb.ref('bytes_total') }))
          )
          .where('id', '=', id)
          .where('state', '=', 'running')
          .executeTakeFirstOrThrow()
        if (numUpdatedRows === 0n) return false
        await trx
          .insertInto('task_message')
          .values(toMessageRow(id, message, OUTCOME_POSITION))
          .execute()
        return true
      })
    },

    async requeue(id) {
      await requeueRunning(db).where('id', '=', id).execute()
    },

    async requeueAll() {
      await requeueRunning(db).execute()
    },

    async findExportByArchive(name) {
      return db
        .selectFrom('task')
        .innerJoin('plan', 'plan.id', 'task.plan_id')
        .select('plan.digest')
        .where('task.archive_name', '=', name)
        .where('task.state', '=', 'completed')
        .executeTakeFirst()
    }
  }
}

/** What was done of it is done again from the start. */
function requeueRunning(db: Kysely<Schema>) {
  return db.updateTable('task').set({ state: 'queued', packages_done: 0, bytes_done: 0 }).where('state', '=', 'running')
}

/** A new task; runs inside the transaction that makes what the task needs. */
export async function insertTask(
  trx: Kysely<Schema>,
  task: Insertable<TaskTable>,
  notes: readonly Message[]
): Promise<Task> {
  const row = await trx.insertInto('task').values(task).returningAll().executeTakeFirstOrThrow()
  const rows = notes.map((note, index) => toMessageRow(row.id, note, OUTCOME_POSITION + 1 + index))
  for (const part of chunks(rows)) await trx.insertInto('task_message').values(part).execute()
  return toTask(row, notes)
}

/**
 * The scan that waits to be started, if there is one. A write that changes nothing goes first: it takes the right to write,
 * so that two callers cannot both find that none waits.
 */
export async function findQueuedScan(trx: Kysely<Schema>): Promise<Task | undefined> {
  const waiting = await trx
    .updateTable('task')
    .set({ state: 'queued' })
    .where('state', '=', 'queued')
    .where('kind', '=', 'scan')
    .returningAll()
    .executeTakeFirst()
  return waiting && toTask(waiting, [])
}

export async function isArchiveNameTaken(trx: Kysely<Schema>, name: string): Promise<boolean> {
  const row = await trx.selectFrom('task').select('id').where('archive_name', '=', name).executeTakeFirst()
  return row !== undefined
}

async function withMessages(db: Kysely<Schema>, rows: readonly Selectable<TaskTable>[]): Promise<Task[]> {
  if (rows.length === 0) return []
  const messages = await db
    .selectFrom('task_message')
    .selectAll()
    .where(
      'task_id',
      'in',
      rows.map((row) => row.id)
    )
    .orderBy('task_id')
    .orderBy('position')
    .execute()
  const byTask = Map.groupBy(messages, (message) => message.task_id)
  return rows.map((row) =>
    toTask(
      row,
      (byTask.get(row.id) ?? []).map(({ message_id, ...rest }) => ({ id: message_id, ...rest }))
    )
  )
}

function toTask(row: Selectable<TaskTable>, messages: readonly Message[]): Task {
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
    attempt: row.attempt,
    messages: messages.map(({ id, text, explanation, recovery }) => ({ id, text, explanation, recovery }))
  }
}

function toDate(milliseconds: number | null): Date | null {
  return milliseconds === null ? null : new Date(milliseconds)
}

function toMessageRow(taskId: number, message: Message, position: number) {
  const { id, text, explanation, recovery } = message
  return { task_id: taskId, position, message_id: id, text, explanation, recovery }
}
