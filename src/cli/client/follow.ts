/**
 * Follows background work until it has ended. It is asked for again and again, and not listened to as events: each
 * question stands for itself, so that neither a restart of the server nor a proxy that cuts long answers is of any
 * consequence.
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

/** A reading of the repository, or an import. @throws CommandError when it fails or is canceled */
export async function followTask(client: ApiClient, id: number, options: FollowOptions): Promise<TaskStatus> {
  const ended = await poll(options.signal, async () => {
    const path = `/updateRepositories/firmware/status?taskid=${id}`
    const status = await client.retryWithin(() => client.json<TaskStatus>({ path }))
    options.onProgress(status.downloadedsize, status.totalsize)
    return status.progress === 100 ? status : undefined
  })
  return checkTask(id, ended)
}

/** @throws CommandError for a task that has ended otherwise than it should */
export function checkTask(id: number, status: TaskStatus): TaskStatus {
  if (status.state === 'complete') return status
  const [message] = status.errorMsg.messages
  const text = status.message || 'no reason was given.'
  const sentence = `The task ${id} has ${status.state === 'canceled' ? 'been canceled' : 'failed'}: ${text}`
  throw new CommandError(EXIT.failed, message?.id ?? 'TASK_FAILED', sentence, message?.recovery.text)
}

/** What is over soon is seen soon, and what takes long costs little. */
async function poll<Result>(signal: AbortSignal, request: () => Promise<Result | undefined>): Promise<Result> {
  for (let waitMs = FIRST_POLL_MS; ; waitMs = Math.min(1.5 * waitMs, LONGEST_POLL_MS)) {
    const result = await request()
    if (result !== undefined) return result
    await pause(waitMs, signal)
  }
}
