/**
 * Sends commands to the command thread, and receives its answers. A new command is a method of its group in core and
 * the implementation: nothing here knows the commands by name.
 */
import type { AuditCommands } from '../../core/accounts/audit.ts'
import type { SessionCommands } from '../../core/accounts/session.ts'
import type { UserCommands } from '../../core/accounts/user.ts'
import type { TaskCommands } from '../../core/export/task-commands.ts'
import type { ImportCommands } from '../../core/import/import.ts'
import { Problem } from '../../core/problems/problem.ts'
import type { ProblemCode } from '../../core/problems/problem-catalogue.ts'

/** Every command that the command thread runs. */
export type Commands = TaskCommands & ImportCommands & SessionCommands & UserCommands & AuditCommands
export type CommandName = keyof Commands

export interface CommandCall {
  readonly command: 'call'
  /** Identifies the answer. */
  readonly id: number
  readonly name: CommandName
  readonly argument: unknown
}

/** Errors lose their class between threads: a problem is sent as plain values. */
export type CommandOutcome =
  | { readonly result: unknown }
  | { readonly problem: { readonly code: ProblemCode; readonly text: string } }
  | { readonly error: Error }

export type CommandAnswer = { readonly event: 'answer'; readonly id: number } & CommandOutcome

/** The receiver of calls. */
export interface CommandThread {
  send(call: CommandCall): void
}

export interface CommandClient {
  /** A call without a connected thread fails with WORKER_UNAVAILABLE. */
  readonly commands: Commands
  connect(thread: CommandThread): void
  onAnswer(answer: CommandAnswer): void
  /** The thread has ended: its unanswered calls fail with WORKER_UNAVAILABLE. */
  disconnect(): void
}

export function createCommandClient(): CommandClient {
  const unanswered = new Map<number, PromiseWithResolvers<unknown>>()
  let thread: CommandThread | undefined
  let lastId = 0

  async function call(name: CommandName, argument: unknown): Promise<unknown> {
    if (thread === undefined) throw new Problem('WORKER_UNAVAILABLE', 'The worker is restarting.')
    lastId += 1
    thread.send({ command: 'call', id: lastId, name, argument })
    const answer = Promise.withResolvers<unknown>()
    unanswered.set(lastId, answer)
    return answer.promise
  }

  return {
    commands: commandsOf(call),
    connect(started) {
      thread = started
    },
    onAnswer({ id, ...outcome }) {
      const answer = unanswered.get(id)
      unanswered.delete(id)
      if ('result' in outcome) answer?.resolve(outcome.result)
      else if ('error' in outcome) answer?.reject(outcome.error)
      else answer?.reject(new Problem(outcome.problem.code, outcome.problem.text))
    },
    disconnect() {
      thread = undefined
      const refused = new Problem('WORKER_UNAVAILABLE', 'The worker died while it ran the request.')
      for (const { reject } of unanswered.values()) reject(refused)
      unanswered.clear()
    }
  }
}

/** Each method calls the command of its name, except `then`: an `await` of the commands would call it. */
function commandsOf(call: (name: CommandName, argument: unknown) => Promise<unknown>): Commands {
  return new Proxy({} as Commands, {
    get: (_, name) => (name === 'then' ? undefined : (argument: unknown) => call(name as CommandName, argument))
  })
}
