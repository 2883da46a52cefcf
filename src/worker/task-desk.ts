/**
 * Accepts work: turns a request into a task with its plan, in one transaction, so that a task exists with all that it
 * needs or not at all.
 */
import type { Kysely } from 'kysely'
import {
  type AcceptedTask,
  archiveName,
  type CanceledTask,
  type ExportRequest,
  type Plan,
  type TaskDesk
} from '../core/export.ts'
import {
  listOf,
  type Message,
  membersMissing,
  OPERATION_SUCCEEDED,
  payloadsMissing,
  TASK_CANCELED,
  taskAccepted
} from '../core/message.ts'
import { Problem } from '../core/problem.ts'
import type { Task, TaskKind } from '../core/task.ts'
import type { ArchiveDirectory } from '../files/archive-directory.ts'
import { type ArchiveStore, createArchiveStore, type SharedPlan } from '../store/archive-store.ts'
import { cancelTask } from '../store/cancel-task.ts'
import { durableTransaction } from '../store/durable-transaction.ts'
import { createPlanStore } from '../store/plan-store.ts'
import type { Schema } from '../store/schema.ts'
import { createSelectionStore, type PackageIds } from '../store/selection-store.ts'
import { endTasks, forgetTask, getTask, insertTask } from '../store/task-store.ts'
import { findQueuedScan, insertWork } from '../store/work-store.ts'
import { type DeletionOptions, deletePackages } from './delete-packages.ts'
import { createArchivePlanner } from './plan-archive.ts'
import { SPACE_FLOOR_BYTES } from './repository-room.ts'

/** A longer list of unknown fixids says how many more there are. */
const MAX_NAMED_FIXIDS = 1_000

export interface DeskOptions extends DeletionOptions {
  /** The directory of archives. */
  readonly archives: Pick<ArchiveDirectory, 'hasWhole'>
  /** Bytes that are free for archives. */
  readonly freeBytes: () => number
  readonly archiveTtlMs: number
  readonly now: () => Date
}

export function createTaskDesk(options: DeskOptions): TaskDesk {
  const { db, now } = options
  return {
    requestExport: (request) => durableTransaction(db, (trx) => acceptExport(trx, request, options)),
    requestScan: (requestedBy) => durableTransaction(db, (trx) => acceptScan(trx, requestedBy, now())),
    deletePackages: (request) => deletePackages(request, options, (trx) => acceptScan(trx, request.requestedBy, now())),
    cancelTasks: (taskIds) => durableTransaction(db, (trx) => cancelAll(trx, taskIds, now())),
    deleteTasks: (taskIds) =>
      durableTransaction(db, async (trx) => {
        const outcomes = await cancelAll(trx, taskIds, now())
        for (const { taskId, isCanceledNow } of outcomes) if (!isCanceledNow) await forgetTask(trx, taskId)
      })
  }
}

async function acceptExport(trx: Kysely<Schema>, request: ExportRequest, options: DeskOptions): Promise<AcceptedTask> {
  const { fixids, scope } = request.selection
  const plans = createPlanStore(trx)
  const selection = createSelectionStore(trx)
  const planId = await plans.begin()
  const ids = fixids.length === 0 ? 'all' : await selectedIds(selection, fixids)
  const planner = createArchivePlanner(await selection.sharedFiles())
  for await (const packages of selection.pages(ids, scope)) await plans.addEntries(planId, planner.place(packages))
  const plan = planner.finish(planId)
  const notes = await notesOn(selection, ids)
  const shared = await findShared(trx, plan.digest, options)
  if (shared !== undefined) await plans.drop(planId)
  const task =
    shared?.state === 'kept'
      ? await shareKept(trx, shared, request, notes, options)
      : await insertTask(
          trx,
          liveTask(
            'export',
            shared?.workId ?? (await newExport(trx, plan, options)),
            request.requestedBy,
            options.now()
          ),
          { notes }
        )
  return { task, notes: [taskAccepted(task.id), ...notes] }
}

/** The archive of this content that is there or will be, if there is one. */
async function findShared(
  trx: Kysely<Schema>,
  digest: string,
  { archives }: DeskOptions
): Promise<SharedPlan | undefined> {
  const store = createArchiveStore(trx)
  const shared = await store.findShared(digest)
  if (shared?.state !== 'kept' || archives.hasWhole(shared.archiveName, shared.archiveSize)) return shared
  // Somebody has removed it.
  await store.markGone(shared.planId)
  return undefined
}

/** The archive is there: the task is completed at once. */
async function shareKept(
  trx: Kysely<Schema>,
  { planId, workId }: SharedPlan,
  { requestedBy }: ExportRequest,
  notes: readonly Message[],
  { archiveTtlMs, now }: DeskOptions
): Promise<Task> {
  const time = now()
  await createArchiveStore(trx).keepLonger(planId, new Date(time.getTime() + archiveTtlMs))
  const { id } = await insertTask(trx, liveTask('export', workId, requestedBy, time), { notes })
  await endTasks(trx, { taskId: id }, { state: 'completed', message: OPERATION_SUCCEEDED, now: time })
  return getTask(trx, id)
}

/** Work that packs the archive, whose space is reserved. */
async function newExport(trx: Kysely<Schema>, plan: Plan, { freeBytes, now }: DeskOptions): Promise<number> {
  const archives = createArchiveStore(trx)
  const reserved = (await archives.reservedBytes()) + SPACE_FLOOR_BYTES
  const free = freeBytes()
  if (plan.archiveSize > free - reserved) {
    throw new Problem(
      'SPACE_INSUFFICIENT',
      `The archive needs ${plan.archiveSize} bytes; ${free} bytes are free, and ${reserved} of them are reserved.`
    )
  }
  await createPlanStore(trx).complete(plan, await freeArchiveName(archives, now()))
  return insertWork(trx, 'export', {
    plan_id: plan.id,
    packages_total: plan.packageCount,
    bytes_total: plan.archiveSize
  })
}

function liveTask(kind: TaskKind, workId: number, requestedBy: string, now: Date) {
  return { kind, state: 'live', work_id: workId, created_by: requestedBy, created_at: now.getTime(), finished_at: null }
}

async function selectedIds(
  selection: ReturnType<typeof createSelectionStore>,
  fixids: readonly string[]
): Promise<Set<number>> {
  const { ids, unknown } = await selection.findPackages(fixids)
  if (unknown.length === 0) return selection.withMembers(ids)
  const names = listOf(unknown.slice(0, MAX_NAMED_FIXIDS), unknown.length)
  throw new Problem('FIXID_UNKNOWN', `The repository has no package with these fixids: ${names}.`)
}

async function notesOn(selection: ReturnType<typeof createSelectionStore>, ids: PackageIds): Promise<Message[]> {
  const payloads = await selection.withoutPayload(ids)
  const members = await selection.missingMembers(ids)
  return [
    ...(payloads.count > 0 ? [payloadsMissing(payloads.first, payloads.count)] : []),
    ...(members.count > 0 ? [membersMissing(members.first, members.count)] : [])
  ]
}

async function freeArchiveName(archives: ArchiveStore, now: Date): Promise<string> {
  for (let serial = 0; ; serial += 1) {
    const name = archiveName(now, serial)
    if (!(await archives.isNameTaken(name))) return name
  }
}

async function acceptScan(trx: Kysely<Schema>, requestedBy: string, now: Date): Promise<AcceptedTask> {
  const workId = (await findQueuedScan(trx)) ?? (await insertWork(trx, 'scan'))
  const task = await insertTask(trx, liveTask('scan', workId, requestedBy, now), { notes: [] })
  return { task, notes: [taskAccepted(task.id)] }
}

async function cancelAll(trx: Kysely<Schema>, taskIds: readonly number[], now: Date): Promise<CanceledTask[]> {
  const canceled: CanceledTask[] = []
  const unknown: number[] = []
  for (const taskId of new Set(taskIds)) {
    const outcome = await cancelTask(trx, taskId, { message: TASK_CANCELED, now })
    if (outcome === 'unknown') unknown.push(taskId)
    else canceled.push({ taskId, isCanceledNow: outcome !== 'ended' })
  }
  if (unknown.length > 0) throw new Problem('TASK_UNKNOWN', `There is no task ${unknown.join(', ')}.`)
  return canceled
}
