/** The process that writes the catalog: it starts with its jobs or with an upload, and exits after ten idle seconds. */
import type { JobStore } from '../../store/tasks/job-store.ts'
import { CATALOG_KINDS } from './worker-channel.ts'
import { createWorkerSlot, type SlotOptions, type WorkerSlot } from './worker-slot.ts'

export interface CatalogWorker extends WorkerSlot {
  /** Starts the process, or makes it claim the next job. */
  wake(): void
  /** Wakes when jobs wait. While a peer runs one, the waiting ones are the peer's. */
  wakeIfWaiting(): Promise<void>
}

export interface CatalogWorkerOptions extends Omit<SlotOptions, 'part'> {
  readonly jobs: Pick<JobStore, 'isWaiting' | 'isRunning'>
  readonly hasOthers: boolean
  /** The process exits after this time without a job, in milliseconds. */
  readonly idleMs: number
}

export function createCatalogWorker(options: CatalogWorkerOptions): CatalogWorker {
  const { jobs, hasOthers, idleMs } = options
  let idle: NodeJS.Timeout | undefined

  const slot = createWorkerSlot({
    ...options,
    part: 'catalog',
    onEvent(event) {
      clearTimeout(idle)
      if (event.event === 'idle') idle = setTimeout(() => slot.send({ command: 'stop' }), idleMs)
      else options.onEvent(event)
    },
    onExit: () => clearTimeout(idle),
    onEnded: () => void startIfWaiting()
  })

  /** A job may have been queued for a process that was already ending. */
  async function startIfWaiting(): Promise<void> {
    if (await isWaiting().catch(() => true)) slot.start()
  }

  async function isWaiting(): Promise<boolean> {
    if (!(await jobs.isWaiting(CATALOG_KINDS))) return false
    return !hasOthers || !(await jobs.isRunning(CATALOG_KINDS))
  }

  function wake(): void {
    if (slot.isRunning()) slot.send({ command: 'wake' })
    else slot.start()
  }

  return {
    ...slot,
    wake,
    async wakeIfWaiting() {
      if (await isWaiting().catch(() => false)) wake()
    },
    end() {
      clearTimeout(idle)
      return slot.end()
    }
  }
}
