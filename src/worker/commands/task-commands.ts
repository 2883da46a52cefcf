/**
 * Accepts work: turns a request into a task with its plan, in one transaction, so that a task exists with all that it
 * needs or not at all.
 */
import type { Kysely } from 'kysely'
import type { Preflight, Selection } from '../../core/export/export.ts'
import type { Plan } from '../../core/export/plan.ts'
import type { AcceptedTask, CanceledTask, ExportRequest, TaskCommands } from '../../core/export/task-commands.ts'
import { type Message, OPERATION_SUCCEEDED, TASK_CANCELED, taskAccepted } from '../../core/problems/message.ts'
import { Problem } from '../../core/problems/problem.ts'
import { archiveName } from '../../core/storage/archive-file.ts'
import type { ArchiveStorage } from '../../core/storage/archive-storage.ts'
import type { Task, TaskKind } from '../../core/tasks/task.ts'
import type { Schema } from '../../store/engine/schema.ts'
import { durableTransaction } from '../../store/engine/transactions.ts'
import type { SharedPlan } from '../../store/tasks/archive-sharing.ts'
import { type ArchiveStore, createArchiveStore } from '../../store/tasks/archive-store.ts'
import { cancelTask } from '../../store/tasks/cancel-task.ts'
import { findQueuedScan, insertJob } from '../../store/tasks/job-store.ts'
import { createPlanStore } from '../../store/tasks/plan-store.ts'
import { getTask } from '../../store/tasks/task-rows.ts'
import { endTasks, forgetTask, insertTask } from '../../store/tasks/write-tasks.ts'
import { createDownloadPlanner } from '../export/plan-download.ts'
import { notesOn, planSelection } from '../export/plan-selection.ts'
import { SPACE_FLOOR_BYTES } from '../runtime/repository-space.ts'
import { type DeletionOptions, deletePackages } from './delete-packages.ts'
import { checkQuota, type TaskLimits } from './user-quota.ts'
import { withRemoteFacts } from './with-remote-facts.ts'

export interface TaskCommandsOptions extends DeletionOptions {
  readonly archives: Pick<ArchiveStorage, 'isRemote' | 'hasWhole'>
  /** Bytes that are free for archives. */
  readonly freeBytes: () => number | Promise<number>
  readonly archiveTtlMs: number
  readonly userLimits: TaskLimits
  readonly now: () => Date
}

export function createTaskCommands(options: TaskCommandsOptions): TaskCommands {
  const { db, now } = options
  const downloads = createDownloadPlanner(db, now)
  return {
    requestExport: (request) =>
      withRemoteFacts(options.archives, (archives) =>
        durableTransaction(db, (trx) => acceptExport(trx, request, { ...options, archives }))
      ),
    planExport: (selection) =>
      withRemoteFacts(options.archives, (archives) =>
        db
          .transaction()
          .setIsolationLevel('repeatable read')
          .execute((trx) => preflight(trx, selection, { ...options, archives }))
      ),
    planDownload: downloads.plan,
    requestScan: (requestedBy) =>
      durableTransaction(db, async (trx) => {
        await checkQuota(trx, options.userLimits, { userName: requestedBy, kind: 'scan' })
        return acceptScan(trx, requestedBy, now())
      }),
    deletePackages(request) {
      downloads.forget()
      return deletePackages(request, options, (trx) => acceptScan(trx, request.requestedBy, now()))
    },
    cancelTasks: (taskIds) => durableTransaction(db, (trx) => cancelAll(trx, taskIds, now())),
    deleteTasks: (taskIds) =>
      durableTransaction(db, async (trx) => {
        const outcomes = await cancelAll(trx, taskIds, now())
        for (const { taskId, isCanceledNow } of outcomes) if (!isCanceledNow) await forgetTask(trx, taskId)
      })
  }
}

async function acceptExport(
  trx: Kysely<Schema>,
  request: ExportRequest,
  options: TaskCommandsOptions
): Promise<AcceptedTask> {
  await checkQuota(trx, options.userLimits, { userName: request.requestedBy, kind: 'export' })
  const plans = createPlanStore(trx)
  const planId = await plans.begin()
  const planned = await planSelection(trx, planId, request.selection, (entries) => plans.addEntries(planId, entries))
  const notes = notesOn(planned)
  const shared = await findShared(trx, planned.plan.digest, options)
  if (shared !== undefined) await plans.drop(planId)
  const task =
    shared?.state === 'kept'
      ? await shareKept(trx, shared, request, notes, options)
      : await insertTask(
          trx,
          liveTask(
            'export',
            shared?.jobId ?? (await newExport(trx, planned.plan, options)),
            request.requestedBy,
            options.now()
          ),
          { notes }
        )
  return { task, notes: [taskAccepted(task.id), ...notes] }
}

/** The archive of this content that is there or will be, if there is one. One that somebody has removed is given up. */
async function findShared(
  trx: Kysely<Schema>,
  digest: string,
  options: TaskCommandsOptions
): Promise<SharedPlan | undefined> {
  const shared = await createArchiveStore(trx).findShared(digest)
  if (shared === undefined || (await isThere(shared, options))) return shared
  await createArchiveStore(trx).markGone(shared.planId)
  return undefined
}

/** Pending archives count: they will be. */
async function isThere(shared: SharedPlan, { archives }: TaskCommandsOptions): Promise<boolean> {
  const { state, archiveName, archiveSize } = shared
  return state === 'pending' || archives.hasWhole(archiveName, archiveSize)
}

/** Runs the plan through without keeping any of it. */
async function preflight(trx: Kysely<Schema>, selection: Selection, options: TaskCommandsOptions): Promise<Preflight> {
  const { plan, ...missing } = await planSelection(trx, 0, selection, async () => {})
  const archives = createArchiveStore(trx)
  const shared = await archives.findShared(plan.digest)
  return {
    ...missing,
    packageCount: plan.packageCount,
    entryCount: plan.entryCount,
    archiveSize: plan.archiveSize,
    ...(await spaceFor(archives, options)),
    isShared: shared !== undefined && (await isThere(shared, options))
  }
}

/** The archive is there: the task is completed at once. */
async function shareKept(
  trx: Kysely<Schema>,
  { planId, jobId }: SharedPlan,
  { requestedBy }: ExportRequest,
  notes: readonly Message[],
  { archiveTtlMs, now }: TaskCommandsOptions
): Promise<Task> {
  const time = now()
  await createArchiveStore(trx).keepLonger(planId, new Date(time.getTime() + archiveTtlMs))
  const { id } = await insertTask(trx, liveTask('export', jobId, requestedBy, time), { notes })
  await endTasks(trx, { taskId: id }, { state: 'completed', message: OPERATION_SUCCEEDED, now: time })
  return getTask(trx, id)
}

/** Work that packs the archive, whose space is reserved. */
async function newExport(trx: Kysely<Schema>, plan: Plan, options: TaskCommandsOptions): Promise<number> {
  const archives = createArchiveStore(trx)
  const { freeBytes, reservedBytes } = await spaceFor(archives, options)
  if (plan.archiveSize > freeBytes - reservedBytes) {
    throw new Problem(
      'SPACE_INSUFFICIENT',
      `The archive needs ${plan.archiveSize} bytes; ${freeBytes} bytes are free, and ${reservedBytes} of them are reserved.`
    )
  }
  await createPlanStore(trx).complete(plan, await freeArchiveName(archives, options.now()))
  return insertJob(trx, 'export', {
    plan_id: plan.id,
    packages_total: plan.packageCount,
    bytes_total: plan.archiveSize
  })
}

async function spaceFor(archives: ArchiveStore, { freeBytes }: TaskCommandsOptions) {
  return { freeBytes: await freeBytes(), reservedBytes: (await archives.reservedBytes()) + SPACE_FLOOR_BYTES }
}

function liveTask(kind: TaskKind, jobId: number, requestedBy: string, now: Date) {
  return { kind, state: 'live', job_id: jobId, created_by: requestedBy, created_at: now.getTime(), finished_at: null }
}

async function freeArchiveName(archives: ArchiveStore, now: Date): Promise<string> {
  // Of the archives that were asked for in the same second the next is most often free.
  const [stem] = archiveName(now, 0).split('.')
  for (let serial = await archives.countNames(stem ?? ''); ; serial += 1) {
    const name = archiveName(now, serial)
    if (!(await archives.isNameTaken(name))) return name
  }
}

async function acceptScan(trx: Kysely<Schema>, requestedBy: string, now: Date): Promise<AcceptedTask> {
  const jobId = (await findQueuedScan(trx)) ?? (await insertJob(trx, 'scan'))
  const task = await insertTask(trx, liveTask('scan', jobId, requestedBy, now), { notes: [] })
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
