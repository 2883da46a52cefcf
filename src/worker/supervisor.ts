/**
 * Keeps the worker: starts the desk and the lanes, wakes them, starts them anew when one dies, and stops them. The desk and
 * the threads that pack exports are always there; the process that writes the catalog comes with its work, or with an upload that
 * is going to be its work, and goes when it has had none for a while.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { isForLater } from '../core/database-trouble.ts'
import { createLocalSignals, type Signal, type Signals } from '../core/signals.ts'
import type { WorkerPartState } from '../core/statistics.ts'
import type { WorkStore } from '../store/work-store.ts'
import { createDeskClient, type Desk } from './desk-messages.ts'
import { CATALOG_KINDS, type LaneCommand, type LaneReport, type LaneTelling } from './lane-port.ts'
import { type LaneRunner, startProcess, startThread } from './lane-runner.ts'
import type { WorkerSettings } from './settings.ts'
import { threadFile } from './thread-file.ts'

/** The desk accepts work of all kinds, `export` packs archives, `catalog` scans and imports. */
export type WorkerPart = 'desk' | 'export' | 'catalog'

export interface SupervisorOptions {
  readonly settings: WorkerSettings
  readonly works: WorkStore
  /** How many archives are packed at the same time. */
  readonly exportThreads: number
  /** Whether scans and imports are done here, and not only by other servers; by default they are. */
  readonly hasCatalog?: boolean
  /** By default within this process. */
  readonly signals?: Signals
  /** Whether other servers use the same database: then what runs may be theirs, and what waits may come from them. */
  readonly hasOthers?: boolean
  /** So long the process that writes the catalog stays without work; by default ten seconds. */
  readonly catalogIdleMs?: number
  readonly onReport: (report: LaneReport) => void
  /** So many more bytes of archives are on the disk to stay. */
  readonly onPacked?: (bytes: number) => void
  /** A part died; another one takes its place. `task` is the oldest one that waits for what it worked on. */
  readonly onCrash: (part: WorkerPart, error: unknown, task?: CrashedTask) => void
}

/** What a part worked on when it died. */
export type CrashedTask = Pick<LaneReport, 'workId' | 'taskId'>

export interface Supervisor {
  /** Accepts work; what it accepts is begun at once. */
  readonly desk: Desk
  /** The parts that are there all the time, and whether they are. */
  parts(): WorkerPartState[]
  /** Resolves when no part runs any more. What was running goes on after the next start. */
  stop(): Promise<void>
}

/** Long enough that a part which cannot start does not take a whole core. */
const RESTART_DELAY_MS = 1_000

/** Imports often come one after the other, and to start a process takes a fifth of a second. */
const CATALOG_IDLE_MS = 10_000

/** How often it is looked for work that other servers have accepted. */
const LOOK_INTERVAL_MS = 2_000

/** A place for a part. */
interface Slot {
  readonly part: WorkerPart
  runner: LaneRunner | undefined
  /** What the lane works on. */
  task: CrashedTask | undefined
  /** Called when the part has ended. */
  onEnded: () => void
}

const FILES = { desk: 'desk-thread', export: 'export-thread', catalog: 'catalog-process' } as const

/** Puts the work of a former process back in the queue, unless it may be another server's, and starts all parts. */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const {
    settings,
    works,
    onReport,
    onCrash,
    catalogIdleMs = CATALOG_IDLE_MS,
    hasCatalog = true,
    hasOthers = false,
    signals = createLocalSignals()
  } = options
  const deskSlot = emptySlot('desk')
  const catalogSlot = emptySlot('catalog')
  const exportSlots = Array.from({ length: options.exportThreads }, () => emptySlot('export'))
  const slots = [deskSlot, ...exportSlots, ...(hasCatalog ? [catalogSlot] : [])]
  const restarts = new Set<NodeJS.Timeout>()
  let catalogIdle: NodeJS.Timeout | undefined
  let isStopping = false

  function start(slot: Slot): void {
    const listeners = {
      onReport(report: LaneTelling) {
        if ('packedBytes' in report) onPacked(report.packedBytes)
        else if ('isIdle' in report) onIdle(slot)
        else onEvent(slot, report)
      },
      onExit(failure: unknown) {
        slot.runner = undefined
        slot.onEnded()
        if (slot === catalogSlot) clearTimeout(catalogIdle)
        if (isStopping) return
        if (failure !== undefined || slot.part !== 'catalog') void replace(slot, failure)
        else void startIfWaiting(slot)
      }
    }
    const file = threadFile(FILES[slot.part], import.meta)
    slot.runner =
      slot.part === 'catalog' ? startProcess(file, settings, listeners) : startThread(file, settings, listeners)
  }

  function onPacked(bytes: number): void {
    options.onPacked?.(bytes)
    signals.tell('exports')
  }

  function onEvent(slot: Slot, report: LaneReport): void {
    const { event, workId, taskId } = report
    slot.task = event === 'started' ? { workId, taskId } : undefined
    if (slot === catalogSlot) clearTimeout(catalogIdle)
    onReport(report)
    if (report.kind === 'export') signals.tell('exports')
    // Another server may have work that has waited for the end of this.
    else if (hasOthers && event !== 'started') signals.tell('catalog')
  }

  function onIdle(slot: Slot): void {
    if (slot !== catalogSlot) return
    clearTimeout(catalogIdle)
    catalogIdle = setTimeout(() => command('stop', [catalogSlot]), catalogIdleMs)
  }

  /** Work may have come to a process that was ending. */
  async function startIfWaiting(slot: Slot): Promise<void> {
    const isWaiting = await isCatalogWaiting().catch(() => true)
    if (isWaiting && !isStopping && slot.runner === undefined) start(slot)
  }

  /** While another server works at the catalog, what waits is its own. */
  async function isCatalogWaiting(): Promise<boolean> {
    if (!(await works.isWaiting(CATALOG_KINDS))) return false
    return !hasOthers || !(await works.isRunning(CATALOG_KINDS))
  }

  /** Others may have no lane for what they have accepted. A process that is woken for nothing begins to wait for its end anew. */
  async function lookForCatalogWork(): Promise<void> {
    if (await isCatalogWaiting().catch(() => false)) wakeCatalog()
  }

  async function replace(slot: Slot, failure: unknown): Promise<void> {
    const { task } = slot
    onCrash(slot.part, failure, task)
    slot.task = undefined
    await untilTaken(() => requeue(slot.part, task)).catch((error) => onCrash(slot.part, error, task))
    if (isStopping) return
    const timer = setTimeout(() => {
      restarts.delete(timer)
      if (slot.runner === undefined) start(slot)
    }, RESTART_DELAY_MS)
    restarts.add(timer)
  }

  /** Tries again as long as the database is away: the work would run for ever. */
  async function untilTaken(write: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await write()
      } catch (error) {
        if (isStopping || !isForLater(error)) throw error
      }
      await delay(RESTART_DELAY_MS, undefined, { ref: false })
    }
  }

  /** A part may have died after it had claimed work, and before it told of it; who else has done so just now begins anew. */
  async function requeue(part: WorkerPart, task: CrashedTask | undefined): Promise<void> {
    if (task !== undefined) return works.requeueCrashed(task.workId, settings.owner)
    if (part === 'desk') return
    const known = slots.flatMap((slot) => (slot.task === undefined ? [] : [slot.task.workId]))
    return works.requeueUntold(settings.owner, known)
  }

  function command(command: LaneCommand, some: readonly Slot[]): void {
    for (const { runner } of some) runner?.command(command)
  }

  function wakeCatalog(): void {
    if (isStopping || !hasCatalog) return
    if (catalogSlot.runner === undefined) start(catalogSlot)
    else command('wake', [catalogSlot])
  }

  const tell = (...some: readonly Signal[]) => some.forEach(signals.tell)
  if (!hasOthers) await works.requeueAll()
  const heeded = [
    signals.on('export', () => command('wake', exportSlots)),
    signals.on('catalog', hasOthers ? lookForCatalogWork : wakeCatalog),
    signals.on('check', () => command('check', [...exportSlots, catalogSlot]))
  ]
  const looking = hasOthers && hasCatalog ? setInterval(lookForCatalogWork, LOOK_INTERVAL_MS) : undefined
  for (const slot of slots) start(slot)

  const desk = createDeskClient(() => deskSlot.runner?.thread)
  return {
    desk: {
      ...desk,
      requestExport: (request) => desk.requestExport(request).finally(() => tell('export', 'exports')),
      requestScan: (requestedBy) => desk.requestScan(requestedBy).finally(() => tell('catalog')),
      deletePackages: (request) => desk.deletePackages(request).finally(() => tell('catalog')),
      async beginUpload(request) {
        const upload = await desk.beginUpload(request)
        wakeCatalog()
        return upload
      },
      cancelTasks: (taskIds) => desk.cancelTasks(taskIds).finally(() => tell('check', 'exports')),
      finishUpload: (upload) => desk.finishUpload(upload).finally(() => tell('catalog')),
      deleteTasks: (taskIds) => desk.deleteTasks(taskIds).finally(() => tell('check', 'exports'))
    },
    parts() {
      const exporters = exportSlots.map((slot, index) => ({ ...slot, name: `export ${index + 1}` }))
      return [{ ...deskSlot, name: 'desk' }, ...exporters].map(({ name, runner }) => ({
        name,
        isRunning: runner !== undefined
      }))
    },
    async stop() {
      isStopping = true
      clearTimeout(catalogIdle)
      clearInterval(looking)
      for (const stopHeeding of heeded) stopHeeding()
      for (const timer of restarts) clearTimeout(timer)
      await Promise.all(slots.map(end))
    }
  }
}

function emptySlot(part: WorkerPart): Slot {
  return { part, runner: undefined, task: undefined, onEnded: () => {} }
}

function end(slot: Slot): Promise<void> {
  const { runner } = slot
  if (runner === undefined) return Promise.resolve()
  return new Promise((resolve) => {
    slot.onEnded = resolve
    runner.command('stop')
  })
}
