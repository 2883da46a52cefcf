/** Starts lanes in threads and in processes, and hides the difference from the supervisor. */
import { fork } from 'node:child_process'
import { Worker } from 'node:worker_threads'
import type { LaneCommand, LaneTelling } from './lane-port.ts'
import type { WorkerSettings } from './settings.ts'

export interface LaneRunner {
  command(command: LaneCommand): void
  /** Set for a lane in a thread. */
  readonly thread?: Worker
}

export interface LaneListeners {
  readonly onReport: (report: LaneTelling) => void
  /** Called once; `failure` is undefined when the lane ended in peace. */
  readonly onExit: (failure: unknown) => void
}

/** Garbage is collected early: what a lane has in memory at a time is little, and all of them add up. */
const MAX_YOUNG_GENERATION_MB = 8
/** Never needed: what counts is that V8 collects the earlier, the lower the limit is. */
const MAX_OLD_GENERATION_MB = 96
const PROCESS_FLAGS = ['--max-semi-space-size=2']

export function startThread(file: string, settings: WorkerSettings, { onReport, onExit }: LaneListeners): LaneRunner {
  const thread = new Worker(file, {
    workerData: settings,
    resourceLimits: {
      maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB,
      maxOldGenerationSizeMb: MAX_OLD_GENERATION_MB
    }
  })
  let failure: unknown
  thread.on('message', onReport)
  thread.on('error', (error) => {
    failure = error
  })
  thread.on('exit', () => onExit(failure))
  return { command: (command) => thread.postMessage(command), thread }
}

export function startProcess(file: string, settings: WorkerSettings, { onReport, onExit }: LaneListeners): LaneRunner {
  const child = fork(file, [], { execArgv: PROCESS_FLAGS })
  // Not as an argument, which everybody on the machine can read: there may be a password in it.
  child.send(settings, () => {})
  let failure: unknown
  child.on('message', (report) => onReport(report as LaneTelling))
  child.on('error', (error) => {
    failure = error
    // A process that could not be started has no pid, and never exits.
    if (child.pid === undefined) onExit(failure)
  })
  child.on('exit', (code, signal) => {
    if (code !== 0) failure ??= new Error(`It ended with ${signal ?? `code ${code}`}`)
    onExit(failure)
  })
  return {
    command(command) {
      // What it cannot be told any more it need not know: it is ending.
      if (child.connected) child.send(command, () => {})
    }
  }
}
