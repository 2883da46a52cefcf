/** How requests for work travel to the thread that accepts them, and how it answers. */
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads'
import { toArchivesProblem } from '../core/archive-trouble.ts'
import type { AuditCommands } from '../core/audit.ts'
import type { TaskCommands } from '../core/export.ts'
import type { ImportCommands } from '../core/import.ts'
import { Problem, toDatabaseProblem } from '../core/problem.ts'
import type { ProblemCode } from '../core/problem-catalogue.ts'
import type { SessionCommands } from '../core/session.ts'
import type { UserCommands } from '../core/user.ts'

/** All that the thread does for others. */
export type Desk = TaskCommands & ImportCommands & SessionCommands & UserCommands & AuditCommands

export type DeskRequest = {
  [Method in keyof Desk]: { readonly method: Method; readonly argument: Parameters<Desk[Method]>[0] }
}[keyof Desk]

/** Comes with a port of its own, on which it is answered. */
export interface DeskCommand {
  readonly request: DeskRequest
  readonly replyTo: MessagePort
}

/** Errors lose their class on the way between threads; a problem goes as plain values. */
type DeskReply =
  | { readonly answer: unknown }
  | { readonly problem: { readonly code: ProblemCode; readonly text: string } }
  | { readonly error: Error }

/**
 * A desk whose work is done by another thread.
 * @param thread the one that does it at the moment; undefined while there is none
 */
export function createDeskClient(thread: () => Worker | undefined): Desk {
  async function ask<Answer>(request: DeskRequest): Promise<Answer> {
    const reply = await post(thread(), request)
    if ('problem' in reply) throw new Problem(reply.problem.code, reply.problem.text)
    if ('error' in reply) throw reply.error
    return reply.answer as Answer
  }
  return {
    requestExport: (argument) => ask({ method: 'requestExport', argument }),
    planExport: (argument) => ask({ method: 'planExport', argument }),
    planDownload: (argument) => ask({ method: 'planDownload', argument }),
    requestScan: (argument) => ask({ method: 'requestScan', argument }),
    cancelTasks: (argument) => ask({ method: 'cancelTasks', argument }),
    deleteTasks: (argument) => ask({ method: 'deleteTasks', argument }),
    deletePackages: (argument) => ask({ method: 'deletePackages', argument }),
    announceImport: (argument) => ask({ method: 'announceImport', argument }),
    beginUpload: (argument) => ask({ method: 'beginUpload', argument }),
    finishUpload: (argument) => ask({ method: 'finishUpload', argument }),
    abandonUpload: (argument) => ask({ method: 'abandonUpload', argument }),
    openSession: (argument) => ask({ method: 'openSession', argument }),
    endSession: (argument) => ask({ method: 'endSession', argument }),
    recordUse: (argument) => ask({ method: 'recordUse', argument }),
    addUser: (argument) => ask({ method: 'addUser', argument }),
    changeUser: (argument) => ask({ method: 'changeUser', argument }),
    removeUser: (argument) => ask({ method: 'removeUser', argument }),
    rehashPassword: (argument) => ask({ method: 'rehashPassword', argument }),
    addToken: (argument) => ask({ method: 'addToken', argument }),
    removeToken: (argument) => ask({ method: 'removeToken', argument }),
    recordTokenUse: (argument) => ask({ method: 'recordTokenUse', argument }),
    recordFailures: (argument) => ask({ method: 'recordFailures', argument }),
    recordEvent: (argument) => ask({ method: 'recordEvent', argument })
  }
}

function post(thread: Worker | undefined, request: DeskRequest): Promise<DeskReply> {
  if (thread === undefined) throw new Problem('WORKER_UNAVAILABLE', 'The worker is being started anew.')
  const { port1, port2 } = new MessageChannel()
  return new Promise((resolve, reject) => {
    port1.once('message', (reply: DeskReply) => {
      port1.close()
      resolve(reply)
    })
    // A port closes when the thread at its other end dies.
    port1.once('close', () => reject(new Problem('WORKER_UNAVAILABLE', 'The worker died while it took the request.')))
    thread.postMessage({ request, replyTo: port2 } satisfies DeskCommand, [port2])
  })
}

/** Takes a request to the desk, and sends what it answers. */
export async function answerDeskCommand(desk: Desk, { request, replyTo }: DeskCommand): Promise<void> {
  replyTo.postMessage(await replyOf(desk, request))
}

async function replyOf(desk: Desk, request: DeskRequest): Promise<DeskReply> {
  try {
    return { answer: await handOver(desk, request) }
  } catch (thrown) {
    const error = toArchivesProblem(thrown)
    const problem = error instanceof Problem ? error : toDatabaseProblem(error)
    if (problem !== undefined) return { problem: { code: problem.code, text: problem.message } }
    return { error: error instanceof Error ? error : new Error(String(error)) }
  }
}

function handOver(desk: Desk, { method, argument }: DeskRequest): Promise<unknown> {
  const work = desk[method] as (argument: unknown) => Promise<unknown>
  return work(argument)
}
