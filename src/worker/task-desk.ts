/**
 * Accepts work: turns a request into a task with its plan, in one transaction, so that a task exists with all that it
 * needs or not at all.
 */
import type { Kysely } from 'kysely'
import { type AcceptedTask, archiveName, type ExportRequest, type TaskDesk } from '../core/export.ts'
import { listOf, type Message, membersMissing, payloadsMissing, taskAccepted } from '../core/message.ts'
import { Problem } from '../core/problem.ts'
import type { Depot } from '../store/database.ts'
import { durableTransaction } from '../store/durable-transaction.ts'
import { createPlanStore } from '../store/plan-store.ts'
import type { Schema } from '../store/schema.ts'
import { createSelectionStore, type PackageIds } from '../store/selection-store.ts'
import { findQueuedScan, insertTask, isArchiveNameTaken } from '../store/task-store.ts'
import { createArchivePlanner } from './plan-archive.ts'

/** A longer list of unknown fixids says how many more there are. */
const MAX_NAMED_FIXIDS = 1_000

export function createTaskDesk(db: Depot, now: () => Date): TaskDesk {
  return {
    requestExport: (request) => durableTransaction(db, (trx) => acceptExport(trx, request, now())),
    requestScan: (requestedBy) => durableTransaction(db, (trx) => acceptScan(trx, requestedBy, now()))
  }
}

async function acceptExport(trx: Kysely<Schema>, request: ExportRequest, now: Date): Promise<AcceptedTask> {
  const { fixids, scope } = request.selection
  const plans = createPlanStore(trx)
  const selection = createSelectionStore(trx)
  const planId = await plans.begin()
  const ids = fixids.length === 0 ? 'all' : await selectedIds(selection, fixids)
  const planner = createArchivePlanner(await selection.sharedFiles())
  for await (const packages of selection.pages(ids, scope)) await plans.addEntries(planId, planner.place(packages))
  const plan = planner.finish(planId)
  await plans.complete(plan)
  const notes = await notesOn(selection, ids)
  const task = await insertTask(
    trx,
    {
      kind: 'export',
      state: 'queued',
      plan_id: planId,
      archive_name: await freeArchiveName(trx, now),
      packages_total: plan.packageCount,
      bytes_total: plan.archiveSize,
      created_by: request.requestedBy,
      created_at: now.getTime()
    },
    notes
  )
  return { task, notes: [taskAccepted(task.id), ...notes] }
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

async function freeArchiveName(trx: Kysely<Schema>, now: Date): Promise<string> {
  for (let serial = 0; ; serial += 1) {
    const name = archiveName(now, serial)
    if (!(await isArchiveNameTaken(trx, name))) return name
  }
}

async function acceptScan(trx: Kysely<Schema>, requestedBy: string, now: Date): Promise<AcceptedTask> {
  const waiting = await findQueuedScan(trx)
  const row = { kind: 'scan', state: 'queued', created_by: requestedBy, created_at: now.getTime() }
  const task = waiting ?? (await insertTask(trx, row, []))
  return { task, notes: [taskAccepted(task.id)] }
}
