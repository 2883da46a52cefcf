/**
 * Polls a task until it has ended. Polling instead of events survives a restart of the server, and a proxy that limits
 * the duration of a response.
 */
import { CommandError, EXIT } from '../terminal/exit.ts'
import { type ApiClient, pause } from './api-client.ts'
import type { ExportState, TaskStatus } from './api-types.ts'

const FIRST_POLL_MS = 100
const LONGEST_POLL_MS = 1_000

export interface FollowOptions {
  readonly signal: AbortSignal
  readonly onProgress: (done: number, total: number) => void
}

/** @throws CommandError when the export fails or is canceled */
export async function followExport(client: ApiClient, id: number, options: FollowOptions): Promise<ExportState> {
  const ended = await poll(options.signal, async () => {
    const state = await client.retryWithin(() => client.json<ExportState>({ path: `/api/v1/exports/${id}` }))
    options.onProgress(state.bytesDone, state.bytesTotal)
    return ['queued', 'running'].includes(state.state) ? undefined : state
  })
  if (ended.state === 'completed') return ended
  const [message] = ended.messages
  throw new CommandError(
    EXIT.failed,
    `EXPORT_${ended.state.toUpperCase()}`,
    `The export ${id} has ${ended.state === 'failed' ? 'failed' : 'been canceled'}: ${message?.text ?? 'no reason was given.'}`,
    message?.recovery
  )
}

/** Follows a scan or an import. @throws CommandError when it fails or is canceled */
export async function followTask(client: ApiClient, id: number, options: FollowOptions): Promise<TaskStatus> {
  const ended = await poll(options.signal, async () => {
    const path = `/updateRepositories/firmware/status?taskid=${id}`
    const status = await client.retryWithin(() => client.json<TaskStatus>({ path }))
    options.onProgress(status.downloadedsize, status.totalsize)
    return status.progress === 100 ? status : undefined
  })
  return checkTask(id, ended)
}

/** @throws CommandError unless the task has completed */
export function checkTask(id: number, status: TaskStatus): TaskStatus {
  if (status.state === 'complete') return status
  const [message] = status.errorMsg.messages
  const text = status.message || 'no reason was given.'
  const sentence = `The task ${id} has ${status.state === 'canceled' ? 'been canceled' : 'failed'}: ${text}`
  throw new CommandError(EXIT.failed, message?.id ?? 'TASK_FAILED', sentence, message?.recovery.text)
}

/** The interval grows, so that a short task is reported at once and a long one causes few requests. */
async function poll<Result>(signal: AbortSignal, request: () => Promise<Result | undefined>): Promise<Result> {
  for (let waitMs = FIRST_POLL_MS; ; waitMs = Math.min(1.5 * waitMs, LONGEST_POLL_MS)) {
    const result = await request()
    if (result !== undefined) return result
    await pause(waitMs, signal)
  }
}
