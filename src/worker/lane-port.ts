/** How a lane talks to its supervisor, from a thread or from a process of its own. */
import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import type { TaskKind } from '../core/task.ts'
import type { WorkEvent } from './lane.ts'
import type { WorkerSettings } from './settings.ts'

/** The work of the process that writes the catalog. */
export const CATALOG_KINDS: readonly TaskKind[] = ['scan', 'import']

/** From the supervisor to the lane. `check`: what it does may not be wanted any more. */
export type LaneCommand = 'wake' | 'stop' | 'check'

/** From the lane to the supervisor: what happened to a piece of work. */
export interface LaneReport {
  readonly event: WorkEvent
  readonly kind: TaskKind
  readonly workId: number
  /** The oldest task that waits for it. */
  readonly taskId: number
  /** How many workers have died of it. */
  readonly crashes: number
  /** Why it failed. */
  readonly failure?: { readonly text: string; readonly stack: string; readonly isExpected: boolean }
}

/** From the lane to the supervisor: what was done since the last time. */
export interface LaneTally {
  /** Bytes of archives that are on the disk to stay. */
  readonly packedBytes: number
}

/** From the lane to the supervisor: nothing waits any more. */
export interface LaneRest {
  readonly isIdle: true
}

export type LaneTelling = LaneReport | LaneTally | LaneRest

export interface LanePort {
  readonly settings: WorkerSettings
  report(report: LaneTelling): void
  onCommand(listener: (command: LaneCommand) => void): void
  /** Lets the thread or the process end. */
  close(): void
}

/** Of the thread that calls it. */
export function threadPort(): LanePort {
  const port = parentPort
  if (port === null) throw new Error('This module runs in a thread of its own')
  return {
    settings: workerData,
    report: (report) => port.postMessage(report),
    onCommand: (listener) => port.on('message', listener),
    close: () => port.close()
  }
}

/** Of the process that calls it; the first message has its settings. */
export async function processPort(): Promise<LanePort> {
  // Ctrl-C in a terminal reaches this process too; the supervisor says how it is to end.
  // A limit on the size of files fails a write, and is not to end the process either.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGXFSZ'] as const) process.on(signal, () => {})
  // Without its supervisor nobody would know what it does.
  const onOrphaned = () => process.exit(1)
  process.on('disconnect', onOrphaned)
  const [settings] = await once(process, 'message')
  return {
    settings,
    // What cannot be sent is no error of its own: the channel is closing, and `disconnect` follows.
    report: (report) => process.send?.(report, () => {}),
    onCommand: (listener) => process.on('message', listener),
    close() {
      process.off('disconnect', onOrphaned)
      if (process.connected) process.disconnect()
    }
  }
}
