/** Accepts an export: plans its archive, and creates its task, in the transaction of the caller. */
import type { Kysely } from 'kysely'
import type { Preflight, Selection } from '../../core/export/export.ts'
import type { Plan } from '../../core/export/plan.ts'
import type { AcceptedTask, ExportRequest } from '../../core/export/task-commands.ts'
import { type Message, OPERATION_SUCCEEDED, taskAccepted } from '../../core/problems/message.ts'
import { Problem } from '../../core/problems/problem.ts'
import { archiveName } from '../../core/storage/archive-file.ts'
import type { ArchiveStorage } from '../../core/storage/archive-storage.ts'
import type { Task } from '../../core/tasks/task.ts'
import type { Schema } from '../../store/engine/schema.ts'
import type { SharedPlan } from '../../store/tasks/archive-sharing.ts'
import { type ArchiveStore, createArchiveStore } from '../../store/tasks/archive-store.ts'
import { insertJob } from '../../store/tasks/job-store.ts'
import { createPlanStore } from '../../store/tasks/plan-store.ts'
import { getTask } from '../../store/tasks/task-rows.ts'
import { endTasks, insertTask } from '../../store/tasks/write-tasks.ts'
import { notesOn, planSelection } from '../export/plan-selection.ts'
import { SPACE_FLOOR_BYTES } from '../runtime/repository-space.ts'
import { checkQuota, liveTask, type TaskLimits } from './new-task.ts'

export interface ExportOptions {
  readonly archives: Pick<ArchiveStorage, 'isRemote' | 'hasWhole'>
  /** Bytes that are free for archives. */
  readonly freeBytes: () => number | Promise<number>
  readonly archiveTtlMs: number
  readonly userLimits: TaskLimits
  readonly now: () => Date
}

/**
 * Creates the task of an export. Exports with the same content share one job and one archive.
 * @throws Problem as `planSelection` and `checkQuota` do, or SPACE_INSUFFICIENT
 */
export async function acceptExport(
  trx: Kysely<Schema>,
  request: ExportRequest,
  options: ExportOptions
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

/** The archive with this content, if it exists or is being packed. One whose file was removed is marked as gone. */
async function findShared(
  trx: Kysely<Schema>,
  digest: string,
  options: ExportOptions
): Promise<SharedPlan | undefined> {
  const shared = await createArchiveStore(trx).findShared(digest)
  if (shared === undefined || (await exists(shared, options))) return shared
  await createArchiveStore(trx).markGone(shared.planId)
  return undefined
}

/** A pending archive counts: its job creates it. */
async function exists(shared: SharedPlan, { archives }: ExportOptions): Promise<boolean> {
  const { state, archiveName, archiveSize } = shared
  return state === 'pending' || archives.hasWhole(archiveName, archiveSize)
}

/** Plans an export, and stores nothing. */
export async function preflight(trx: Kysely<Schema>, selection: Selection, options: ExportOptions): Promise<Preflight> {
  const { plan, ...missing } = await planSelection(trx, 0, selection, async () => {})
  const archives = createArchiveStore(trx)
  const shared = await archives.findShared(plan.digest)
  return {
    ...missing,
    packageCount: plan.packageCount,
    entryCount: plan.entryCount,
    archiveSize: plan.archiveSize,
    ...(await spaceFor(archives, options)),
    isShared: shared !== undefined && (await exists(shared, options))
  }
}

/** The archive exists: the task is completed at once. */
async function shareKept(
  trx: Kysely<Schema>,
  { planId, jobId }: SharedPlan,
  { requestedBy }: ExportRequest,
  notes: readonly Message[],
  { archiveTtlMs, now }: ExportOptions
): Promise<Task> {
  const time = now()
  await createArchiveStore(trx).keepLonger(planId, new Date(time.getTime() + archiveTtlMs))
  const { id } = await insertTask(trx, liveTask('export', jobId, requestedBy, time), { notes })
  await endTasks(trx, { taskId: id }, { state: 'completed', message: OPERATION_SUCCEEDED, now: time })
  return getTask(trx, id)
}

/** Creates the job that packs the archive, and reserves the space of the archive. @throws Problem SPACE_INSUFFICIENT */
async function newExport(trx: Kysely<Schema>, plan: Plan, options: ExportOptions): Promise<number> {
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

async function spaceFor(archives: ArchiveStore, { freeBytes }: ExportOptions) {
  return { freeBytes: await freeBytes(), reservedBytes: (await archives.reservedBytes()) + SPACE_FLOOR_BYTES }
}

async function freeArchiveName(archives: ArchiveStore, now: Date): Promise<string> {
  // The archives of one second are numbered in order; the next number is nearly always free.
  const [stem] = archiveName(now, 0).split('.')
  for (let serial = await archives.countNames(stem ?? ''); ; serial += 1) {
    const name = archiveName(now, serial)
    if (!(await archives.isNameTaken(name))) return name
  }
}
