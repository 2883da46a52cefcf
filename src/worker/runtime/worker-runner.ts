/** Starts workers in threads and in processes, and hides the difference from the supervisor. */
import { fork } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { WorkerSettings } from '../../core/storage/storage-config.ts'
import type { WorkerCommand, WorkerEvent } from './worker-channel.ts'

export interface RunningWorker {
  send(command: WorkerCommand): void
}

export interface WorkerListeners {
  readonly onEvent: (event: WorkerEvent) => void
  /** Called once; `failure` is undefined when the worker ended without an error. */
  readonly onExit: (failure: unknown) => void
}

/** Makes the garbage collector run early: a worker needs little memory at once, and there are several workers. */
const MAX_YOUNG_GENERATION_MB = 8
/** Far more than a worker needs: V8 collects the earlier, the lower this limit is. */
const MAX_OLD_GENERATION_MB = 96
const PROCESS_FLAGS = ['--max-semi-space-size=2']

/**
 * The path of the module of a thread or a process relative to `importer`. Its extension is that of the importer: `.ts`
 * in the sources, `.js` in the published package.
 */
export function threadFile(name: string, importer: ImportMeta): string {
  return fileURLToPath(new URL(`./${name}${path.extname(importer.filename)}`, importer.url))
}

export function startThread(file: string, settings: WorkerSettings, listeners: WorkerListeners): RunningWorker {
  const thread = new Worker(file, {
    workerData: settings,
    resourceLimits: {
      maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB,
      maxOldGenerationSizeMb: MAX_OLD_GENERATION_MB
    }
  })
  let failure: unknown
  thread.on('message', listeners.onEvent)
  thread.on('error', (error) => {
    failure = error
  })
  thread.on('exit', () => listeners.onExit(failure))
  return { send: (command) => thread.postMessage(command) }
}

export function startProcess(file: string, settings: WorkerSettings, listeners: WorkerListeners): RunningWorker {
  const child = fork(file, [], { execArgv: PROCESS_FLAGS })
  // Not as an argument, which every user of the machine can read: the settings may hold a password.
  child.send(settings, () => {})
  let failure: unknown
  child.on('message', (event) => listeners.onEvent(event as WorkerEvent))
  child.on('error', (error) => {
    failure = error
    // A process that could not be started has no pid, and never exits.
    if (child.pid === undefined) listeners.onExit(failure)
  })
  child.on('exit', (code, signal) => {
    if (code !== 0) failure ??= new Error(`It ended with ${signal ?? `code ${code}`}`)
    listeners.onExit(failure)
  })
  return {
    send(command) {
      // A process that cannot receive the command any more is ending.
      if (child.connected) child.send(command, () => {})
    }
  }
}
