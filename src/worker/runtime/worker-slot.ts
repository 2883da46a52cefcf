/** One worker of the supervisor: starts it, and starts another one after it has died. */
import type { WorkerSettings } from '../../core/storage/storage-config.ts'
import type { JobReport, WorkerCommand, WorkerEvent } from './worker-channel.ts'
import { type RunningWorker, startProcess, startThread, threadFile } from './worker-runner.ts'

/** `commands` runs commands, `export` packs archives, `catalog` scans and imports. */
export type WorkerPart = 'commands' | 'export' | 'catalog'

/** The job of a worker, and the oldest task that waits for it. */
export type RunningJob = Pick<JobReport, 'jobId' | 'taskId'>

export interface WorkerSlot {
  isRunning(): boolean
  job(): RunningJob | undefined
  /** Does nothing when the worker runs. */
  start(): void
  /** A command to a worker that does not run is dropped. */
  send(command: WorkerCommand): void
  /** Resolves when the worker has ended. To be called when `stopping` is aborted. */
  end(): Promise<void>
}

export interface SlotOptions {
  readonly part: WorkerPart
  readonly settings: WorkerSettings
  /** Aborted: no worker is started any more. */
  readonly stopping: AbortSignal
  readonly onEvent: (event: WorkerEvent) => void
  readonly onStart?: (worker: RunningWorker) => void
  readonly onExit?: () => void
  /** Puts the job of a dead worker back into the queue; the next worker is started after that. */
  readonly onCrash: (part: WorkerPart, failure: unknown, job: RunningJob | undefined) => Promise<void>
  /** The worker has ended without an error. Without this listener such an end is a crash. */
  readonly onEnded?: () => void
}

/** Long enough that a worker which cannot start does not occupy a core. */
const RESTART_DELAY_MS = 1_000

const STARTS: Readonly<Record<WorkerPart, readonly [typeof startThread, string]>> = {
  commands: [startThread, '../commands/command-thread'],
  export: [startThread, '../export/export-thread'],
  catalog: [startProcess, '../catalog-process']
}

export function createWorkerSlot(options: SlotOptions): WorkerSlot {
  const { part, settings, stopping } = options
  let worker: RunningWorker | undefined
  let job: RunningJob | undefined
  let restart: NodeJS.Timeout | undefined
  let resolveEnd = () => {}

  function start(): void {
    if (worker !== undefined || stopping.aborted) return
    const [startWorker, name] = STARTS[part]
    worker = startWorker(threadFile(name, import.meta), settings, { onEvent, onExit })
    options.onStart?.(worker)
  }

  function onEvent(event: WorkerEvent): void {
    if ('jobId' in event) {
      const { jobId, taskId } = event
      job = event.event === 'started' ? { jobId, taskId } : undefined
    }
    options.onEvent(event)
  }

  function onExit(failure: unknown): void {
    worker = undefined
    resolveEnd()
    options.onExit?.()
    if (stopping.aborted) return
    if (failure === undefined && options.onEnded !== undefined) options.onEnded()
    else void replace(failure)
  }

  async function replace(failure: unknown): Promise<void> {
    const lostJob = job
    job = undefined
    await options.onCrash(part, failure, lostJob)
    if (!stopping.aborted) restart = setTimeout(start, RESTART_DELAY_MS)
  }

  return {
    start,
    isRunning: () => worker !== undefined,
    job: () => job,
    send: (command) => worker?.send(command),
    end() {
      clearTimeout(restart)
      if (worker === undefined) return Promise.resolve()
      return new Promise((resolve) => {
        resolveEnd = resolve
        worker?.send({ command: 'stop' })
      })
    }
  }
}
