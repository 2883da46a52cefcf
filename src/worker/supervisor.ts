/**
 * Keeps the worker's lanes: starts them, wakes them, starts them anew when one dies, and stops them. The threads that pack
 * exports are always there; the process that scans comes and goes with the scans.
 */
import type { AcceptedTask, TaskDesk } from '../core/export.ts'
import type { TaskKind } from '../core/task.ts'
import type { TaskStore } from '../store/task-store.ts'
import { createDeskClient } from './desk-messages.ts'
import type { LaneReport } from './lane-port.ts'
import { type LaneRunner, startProcess, startThread } from './lane-runner.ts'
import type { WorkerSettings } from './settings.ts'
import { threadFile } from './thread-file.ts'

export interface SupervisorOptions {
  readonly settings: WorkerSettings
  readonly tasks: TaskStore
  /** How many archives are packed at the same time. */
  readonly exportThreads: number
  readonly onReport: (report: LaneReport) => void
  /** A lane died; another one takes its place. */
  readonly onCrash: (kind: TaskKind, error: unknown) => void
}

export interface Supervisor {
  /** Accepts work; what it accepts is begun at once. */
  readonly desk: TaskDesk
  /** Resolves when no lane runs any more. Tasks that were running go on after the next start. */
  stop(): Promise<void>
}

/** Long enough that a lane which cannot start does not take a whole core. */
const RESTART_DELAY_MS = 1_000

/** A place for a lane. */
interface Slot {
  readonly kind: TaskKind
  runner: LaneRunner | undefined
  /** The task that the lane runs. */
  taskId: number | undefined
  /** Somebody asked for the lane after it had been started: it may have been about to end. */
  isWanted: boolean
  /** Called when the lane has ended. */
  onEnded: () => void
}

/** Puts the tasks of a former process back in the queue, and starts the lanes. */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const { settings, tasks, onReport, onCrash } = options
  const exportSlots = Array.from({ length: options.exportThreads }, () => emptySlot('export'))
  const scanSlot = emptySlot('scan')
  const restarts = new Set<NodeJS.Timeout>()
  let isStopping = false

  function start(slot: Slot): void {
    slot.isWanted = false
    const listeners = {
      onReport(report: LaneReport) {
        slot.taskId = report.event === 'started' ? report.taskId : undefined
        onReport(report)
      },
      onExit(failure: unknown) {
        slot.runner = undefined
        slot.onEnded()
        if (isStopping) return
        if (failure !== undefined || slot.kind === 'export') void replace(slot, failure)
        else if (slot.isWanted) start(slot)
      }
    }
    slot.runner =
      slot.kind === 'export'
        ? startThread(threadFile('export-thread', import.meta), settings, listeners)
        : startProcess(threadFile('scan-process', import.meta), settings, listeners)
  }

  async function replace(slot: Slot, failure: unknown): Promise<void> {
    onCrash(slot.kind, failure)
    const { taskId } = slot
    slot.taskId = undefined
    if (taskId !== undefined) await tasks.requeue(taskId).catch((error) => onCrash(slot.kind, error))
    if (isStopping) return
    const timer = setTimeout(() => {
      restarts.delete(timer)
      if (slot.runner === undefined) start(slot)
    }, RESTART_DELAY_MS)
    restarts.add(timer)
  }

  function wake({ task }: AcceptedTask): void {
    if (isStopping) return
    if (task.kind === 'scan') {
      scanSlot.isWanted = true
      if (scanSlot.runner === undefined) start(scanSlot)
    } else for (const { runner } of exportSlots) runner?.command('wake')
  }

  await tasks.requeueAll()
  for (const slot of [...exportSlots, scanSlot]) start(slot)

  const desk = createDeskClient(() => exportSlots.find((slot) => slot.runner !== undefined)?.runner?.thread)
  return {
    desk: {
      requestExport: (request) => desk.requestExport(request).then(tee(wake)),
      requestScan: (requestedBy) => desk.requestScan(requestedBy).then(tee(wake))
    },
    async stop() {
      isStopping = true
      for (const timer of restarts) clearTimeout(timer)
      await Promise.all([...exportSlots, scanSlot].map(end))
    }
  }
}

function emptySlot(kind: TaskKind): Slot {
  return { kind, runner: undefined, taskId: undefined, isWanted: false, onEnded: () => {} }
}

/** Passes a value on after something has been done with it. */
function tee<T>(look: (value: T) => void): (value: T) => T {
  return (value) => {
    look(value)
    return value
  }
}

function end(slot: Slot): Promise<void> {
  const { runner } = slot
  if (runner === undefined) return Promise.resolve()
  return new Promise((resolve) => {
    slot.onEnded = resolve
    runner.command('stop')
  })
}
