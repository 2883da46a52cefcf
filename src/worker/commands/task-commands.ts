/**
 * The commands that create, cancel and delete tasks. Each is one transaction: a task exists with its job, or not at
 * all.
 */
import type { Kysely } from 'kysely'
import type { AcceptedTask, CanceledTask, TaskCommands } from '../../core/export/task-commands.ts'
import { TASK_CANCELED, taskAccepted } from '../../core/problems/message.ts'
import { Problem } from '../../core/problems/problem.ts'
import type { Schema } from '../../store/engine/schema.ts'
import { durableTransaction } from '../../store/engine/transactions.ts'
import { cancelTask } from '../../store/tasks/cancel-task.ts'
import { findQueuedScan, insertJob } from '../../store/tasks/job-store.ts'
import { forgetTask, insertTask } from '../../store/tasks/write-tasks.ts'
import { createDownloadPlanner } from '../export/plan-download.ts'
import { acceptExport, type ExportOptions, preflight } from './accept-export.ts'
import { withKnownArchives } from './archive-presence.ts'
import { type DeletionOptions, deletePackages } from './delete-packages.ts'
import { checkQuota, liveTask } from './new-task.ts'

export interface TaskCommandsOptions extends DeletionOptions, ExportOptions {}

export function createTaskCommands(options: TaskCommandsOptions): TaskCommands {
  const { db, now } = options
  const downloads = createDownloadPlanner(db, now)
  return {
    requestExport: (request) =>
      withKnownArchives(options.archives, (archives) =>
        durableTransaction(db, (trx) => acceptExport(trx, request, { ...options, archives }))
      ),
    planExport: (selection) =>
      withKnownArchives(options.archives, (archives) =>
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
