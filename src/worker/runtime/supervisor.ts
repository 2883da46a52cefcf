/**
 * Starts, wakes, restarts and stops the workers. The command thread and the threads that pack exports always run; the
 * catalog process starts on demand.
 */

import type { WorkerSettings } from '../../core/storage/storage-config.ts'
import { createLocalNotifications, type Notifications, SIGNALS } from '../../core/tasks/notifications.ts'
import type { WorkerPartState } from '../../core/tasks/statistics.ts'
import type { JobStore } from '../../store/tasks/job-store.ts'
import { createCatalogWorker } from './catalog-worker.ts'
import { type Commands, createCommandClient } from './command-client.ts'
import { requeueCrashed } from './requeue-crashed.ts'
import type { JobReport, WorkerEvent } from './worker-channel.ts'
import { createWorkerSlot, type RunningJob, type WorkerPart, type WorkerSlot } from './worker-slot.ts'

export interface SupervisorOptions {
  readonly settings: WorkerSettings
  readonly jobs: JobStore
  /** How many archives are packed at the same time. */
  readonly exportThreads: number
  /** Whether scans and imports run here, and not only on peers; by default they do. */
  readonly hasCatalog?: boolean
  /** By default within this process. */
  readonly notifications?: Notifications
  /** Whether other servers use the same database: running jobs may be theirs, and they may queue jobs. */
  readonly hasOthers?: boolean
  /** The catalog process exits after this time without a job, in milliseconds; by default ten seconds. */
  readonly catalogIdleMs?: number
  readonly onReport: (report: JobReport) => void
  /** Called with the number of bytes of archives that have become durable since the last call. */
  readonly onPacked?: (bytes: number) => void
  /** A worker died; another one replaces it. */
  readonly onCrash: (part: WorkerPart, error: unknown, job?: RunningJob) => void
}

export interface Supervisor {
  /** A job that they create starts at once. */
  readonly commands: Commands
  /** The workers that always run, and whether they do. */
  parts(): WorkerPartState[]
  /** Resolves when no worker runs any more. Interrupted jobs continue after the next start. */
  stop(): Promise<void>
}

/** Imports often follow each other, and the start of a process takes a fifth of a second. */
const CATALOG_IDLE_MS = 10_000

/** How often this server checks for jobs that its peers have queued. */
const POLL_INTERVAL_MS = 2_000

/** Requeues the jobs of a former process, unless they may be a peer's, and starts the workers. */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const { jobs, hasCatalog = true, hasOthers = false, notifications = createLocalNotifications() } = options
  const stopping = new AbortController()
  const client = createCommandClient()
  const shared = { settings: options.settings, stopping: stopping.signal, onEvent, onCrash }
  const commandThread = createWorkerSlot({
    ...shared,
    part: 'commands',
    onStart: client.connect,
    onExit: client.disconnect,
    onCrash: onCommandCrash
  })
  const exporters = Array.from({ length: options.exportThreads }, () => createWorkerSlot({ ...shared, part: 'export' }))
  const catalog = hasCatalog
    ? createCatalogWorker({ ...shared, jobs, hasOthers, idleMs: options.catalogIdleMs ?? CATALOG_IDLE_MS })
    : undefined
  const jobWorkers = [...exporters, ...(catalog === undefined ? [] : [catalog])]

  function onEvent(event: WorkerEvent): void {
    if (event.event === 'answer') client.onAnswer(event)
    else if (event.event === 'changed') event.notifications.forEach(notifications.notify)
    else if (event.event === 'upload-begun') catalog?.wake()
    else if (event.event === 'packed') onPacked(event.bytes)
    else if (event.event !== 'idle') onReport(event)
  }

  function onPacked(bytes: number): void {
    options.onPacked?.(bytes)
    notifications.notify('exports')
  }

  function onReport(report: JobReport): void {
    options.onReport(report)
    if (report.kind === 'export') notifications.notify('exports')
    // A peer may have a job that waited for the end of this one.
    else if (hasOthers && report.event !== 'started') notifications.notify('catalog')
  }

  async function onCrash(part: WorkerPart, failure: unknown, job: RunningJob | undefined): Promise<void> {
    options.onCrash(part, failure, job)
    const otherJobs = () => jobWorkers.flatMap((slot) => slot.job()?.jobId ?? [])
    const crashed = { owner: options.settings.owner, job, otherJobs }
    await requeueCrashed(jobs, crashed, stopping.signal).catch((error) => options.onCrash(part, error, job))
  }

  /** The thread may have died between a commit and its notification. */
  async function onCommandCrash(part: WorkerPart, failure: unknown): Promise<void> {
    options.onCrash(part, failure)
    SIGNALS.forEach(notifications.notify)
  }

  if (!hasOthers) await jobs.requeueAll()
  const subscriptions = [
    notifications.subscribe('export', () => sendAll(exporters, 'wake')),
    notifications.subscribe('catalog', () => void (hasOthers ? catalog?.wakeIfWaiting() : catalog?.wake())),
    notifications.subscribe('check', () => sendAll(jobWorkers, 'check'))
  ]
  const polling = hasOthers && catalog && setInterval(catalog.wakeIfWaiting, POLL_INTERVAL_MS)
  const slots = [commandThread, ...jobWorkers]
  for (const slot of slots) slot.start()

  return {
    commands: client.commands,
    parts: () => [
      { name: 'commands', isRunning: commandThread.isRunning() },
      ...exporters.map((slot, index) => ({ name: `export ${index + 1}`, isRunning: slot.isRunning() }))
    ],
    async stop() {
      stopping.abort()
      if (polling) clearInterval(polling)
      for (const unsubscribe of subscriptions) unsubscribe()
      await Promise.all(slots.map((slot) => slot.end()))
    }
  }
}

function sendAll(slots: readonly WorkerSlot[], command: 'wake' | 'check'): void {
  for (const slot of slots) slot.send({ command })
}
