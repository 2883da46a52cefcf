/** How a worker, in a thread or in a process of its own, communicates with its supervisor: commands down, events up. */
import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import type { WorkerSettings } from '../../core/storage/storage-config.ts'
import type { Notification } from '../../core/tasks/notifications.ts'
import type { TaskKind } from '../../core/tasks/task.ts'
import type { CommandAnswer, CommandCall } from './command-client.ts'
import type { JobEvent } from './run-job.ts'

/** The jobs of the process that writes the catalog. */
export const CATALOG_KINDS: readonly TaskKind[] = ['scan', 'import']

/** `wake`: jobs may wait. `check`: the running job may have been canceled. */
export type WorkerCommand = { readonly command: 'wake' | 'check' | 'stop' } | CommandCall

/** What happened to a job. */
export interface JobReport {
  readonly event: JobEvent
  readonly kind: TaskKind
  readonly jobId: number
  /** The oldest task that waits for it. */
  readonly taskId: number
  /** How many workers have died of it. */
  readonly crashes: number
  /** Why it failed. */
  readonly failure?: { readonly text: string; readonly stack: string; readonly isExpected: boolean }
}

export type WorkerEvent =
  | JobReport
  /** The number of bytes of archives that have become durable since the last such event. */
  | { readonly event: 'packed'; readonly bytes: number }
  /** No job waits any more. */
  | { readonly event: 'idle' }
  /** A command has changed something: for the other parts of this server, and for its peers. */
  | { readonly event: 'changed'; readonly notifications: readonly Notification[] }
  /** This server receives an upload: an import follows. */
  | { readonly event: 'upload-begun' }
  | CommandAnswer

export interface WorkerChannel {
  readonly settings: WorkerSettings
  emit(event: WorkerEvent): void
  onCommand(listener: (command: WorkerCommand) => void): void
  /** Lets the thread or the process end. */
  close(): void
}

/** The channel of the thread that calls it. */
export function threadChannel(): WorkerChannel {
  const port = parentPort
  if (port === null) throw new Error('This module runs in a thread of its own')
  return {
    settings: workerData,
    emit: (event) => port.postMessage(event),
    onCommand: (listener) => port.on('message', listener),
    close: () => port.close()
  }
}

/** The channel of the process that calls it; the first message has its settings. */
export async function processChannel(): Promise<WorkerChannel> {
  // Ctrl-C in a terminal reaches this process too; only the supervisor ends it.
  // A limit on the size of files fails a write, and must not end the process either.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGXFSZ'] as const) process.on(signal, () => {})
  // A process whose supervisor has died ends: another server may take over its job.
  const onOrphaned = () => process.exit(1)
  process.on('disconnect', onOrphaned)
  const [settings] = await once(process, 'message')
  return {
    settings,
    // An event that cannot be sent is no error of its own: the channel is closing, and `disconnect` follows.
    emit: (event) => process.send?.(event, () => {}),
    onCommand: (listener) => process.on('message', listener),
    close() {
      process.off('disconnect', onOrphaned)
      if (process.connected) process.disconnect()
    }
  }
}
