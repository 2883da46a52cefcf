/**
 * The body of the thread that accepts work. Planning a large export takes a moment, and a commit waits for the disk: both
 * would keep the thread that answers requests from answering.
 */
import { workerData } from 'node:worker_threads'
import type { AcceptedTask, ExportRequest } from '../core/export.ts'
import { Problem, type ProblemCode } from '../core/problem.ts'
import { openDatabase } from '../store/database.ts'
import type { WorkerSettings } from './settings.ts'
import { createTaskDesk } from './task-desk.ts'

export type DeskRequest = { readonly export: ExportRequest } | { readonly scanFor: string }

/** Errors lose their class on the way between threads; a problem goes as plain values. */
export type DeskReply =
  | { readonly accepted: AcceptedTask }
  | { readonly problem: { readonly code: ProblemCode; readonly text: string } }

const settings: WorkerSettings = workerData
const desk = createTaskDesk(openDatabase({ file: settings.databaseFile }), () => new Date())

export default async function accept(request: DeskRequest): Promise<DeskReply> {
  try {
    const accepted =
      'export' in request ? await desk.requestExport(request.export) : await desk.requestScan(request.scanFor)
    return { accepted }
  } catch (error) {
    if (error instanceof Problem) return { problem: { code: error.code, text: error.message } }
    throw error
  }
}
