/** Runs a command in the command thread, notifies other threads and peers of its changes, and answers. */

import { Problem, toDatabaseProblem } from '../../core/problems/problem.ts'
import { toArchivesProblem } from '../../core/problems/storage-error.ts'
import type { Notification } from '../../core/tasks/notifications.ts'
import type { CommandCall, CommandName, CommandOutcome, Commands } from '../runtime/command-client.ts'
import type { WorkerEvent } from '../runtime/worker-channel.ts'

/** The notifications to other parts of this server and to its peers after these commands. */
const CHANGES: { readonly [Name in CommandName]?: readonly Notification[] } = {
  requestExport: ['export', 'exports'],
  requestScan: ['catalog'],
  deletePackages: ['catalog'],
  finishUpload: ['catalog'],
  cancelTasks: ['check', 'exports'],
  deleteTasks: ['check', 'exports'],
  addUser: ['users'],
  changeUser: ['users'],
  removeUser: ['users'],
  rehashPassword: ['users'],
  addToken: ['users'],
  removeToken: ['users']
}

/**
 * Notifies before it answers, so that the next request of the client finds no outdated cache. It notifies after an
 * error too: the commit may have succeeded before the connection to the database was lost.
 */
export async function answerCall(
  commands: Commands,
  { id, name, argument }: CommandCall,
  emit: (event: WorkerEvent) => void
): Promise<void> {
  const outcome = await outcomeOf(commands, name, argument)
  const notifications = CHANGES[name]
  if (notifications !== undefined) emit({ event: 'changed', notifications })
  if (name === 'beginUpload' && 'result' in outcome) emit({ event: 'upload-begun' })
  emit({ event: 'answer', id, ...outcome })
}

async function outcomeOf(commands: Commands, name: CommandName, argument: unknown): Promise<CommandOutcome> {
  try {
    const run = commands[name] as (argument: unknown) => Promise<unknown>
    return { result: await run(argument) }
  } catch (thrown) {
    const error = toArchivesProblem(thrown)
    const problem = error instanceof Problem ? error : toDatabaseProblem(error)
    if (problem !== undefined) return { problem: { code: problem.code, text: problem.message } }
    return { error: error instanceof Error ? error : new Error(String(error)) }
  }
}
