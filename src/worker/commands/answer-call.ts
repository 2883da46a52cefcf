/** Runs a command in the command thread, announces what it has changed, and answers. */

import { Problem, toDatabaseProblem } from '../../core/problems/problem.ts'
import { toArchivesProblem } from '../../core/problems/storage-error.ts'
import type { Notification } from '../../core/tasks/notifications.ts'
import type { CommandCall, CommandName, CommandOutcome, Commands } from '../runtime/command-client.ts'
import type { WorkerEvent } from '../runtime/worker-channel.ts'

/** What the other parts of the server, and its peers, are notified of after these commands. */
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
 * Announces before it answers: the next request of the caller finds nothing outdated. It announces after an error
 * too: the commit may have succeeded before the connection to the database was lost.
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
