/** How the desk's thread talks to its supervisor. */
import { parentPort, workerData } from 'node:worker_threads'
import type { DeskCommand } from './desk-messages.ts'
import type { WorkerSettings } from './settings.ts'

export interface DeskPort {
  readonly settings: WorkerSettings
  onCommand(listener: (command: DeskCommand) => void): void
  onStop(listener: () => void): void
  /** Lets the thread end. */
  close(): void
}

/** Of the thread that calls it. */
export function deskPort(): DeskPort {
  const port = parentPort
  if (port === null) throw new Error('This module runs in a thread of its own')
  const on = (listener: (message: DeskCommand | 'stop') => void) => port.on('message', listener)
  return {
    settings: workerData,
    onCommand: (listener) => on((message) => message !== 'stop' && listener(message)),
    onStop: (listener) => on((message) => message === 'stop' && listener()),
    close: () => port.close()
  }
}
