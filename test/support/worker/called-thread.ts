/** The commands of a thread that a test has started. */
import type { Worker } from 'node:worker_threads'
import { type Commands, createCommandClient } from '../../../src/worker/runtime/command-client.ts'
import type { WorkerEvent } from '../../../src/worker/runtime/worker-channel.ts'

export interface CalledThread {
  readonly commands: Commands
  /** All that the thread has emitted, answers included. */
  readonly events: readonly WorkerEvent[]
}

export function callThread(thread: Worker): CalledThread {
  const client = createCommandClient()
  client.connect({ send: (call) => thread.postMessage(call) })
  const events: WorkerEvent[] = []
  thread.on('message', (event: WorkerEvent) => {
    events.push(event)
    if (event.event === 'answer') client.onAnswer(event)
  })
  thread.on('exit', client.disconnect)
  return { commands: client.commands, events }
}
