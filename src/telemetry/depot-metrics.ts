/** The metrics that are read for each scrape: catalog, queue, tasks, volumes, sessions. */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { CatalogSize, DepotStatistics, EndedCount } from '../core/tasks/statistics.ts'

export function createDepotMetrics(registry: Registry) {
  const gauge = <Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge<Label>({ name: `fixdepot_${name}`, help, labelNames: [...labelNames], registers: [registry] })

  const packages = gauge('catalog_packages', 'Packages in the catalog.')
  const files = gauge('catalog_files', 'Files that belong to packages.')
  const bytes = gauge('catalog_bytes', 'Bytes of these files.')
  const problems = gauge('catalog_problems', 'What is wrong in the repository, by code.', ['code'])
  const readAt = gauge('catalog_read_timestamp_seconds', 'When the repository was last read; 0: never.')
  // With a label that is never given there is no sample before the first value: 0 would be a scan that failed.
  const scanDuration = gauge('scan_last_duration_seconds', 'How long the last scan that ended took.', ['never'])
  const scanSuccess = gauge('scan_last_success', '1 when the last scan that ended was completed, 0 when it failed.', [
    'never'
  ])
  const scanFinished = gauge('scan_last_finished_timestamp_seconds', 'When it ended.', ['never'])
  const tasks = gauge('tasks', 'Tasks that have not ended, by kind and state.', ['kind', 'state'])
  const queueDepth = gauge('queue_depth', 'Pieces of work that wait for a worker.', ['kind'])
  const queueAge = gauge('queue_oldest_age_seconds', 'Age of the oldest task whose work waits for a worker; 0: none.', [
    'kind'
  ])
  const keptArchives = gauge('archives_kept', 'Archives that can be downloaded.')
  const keptBytes = gauge('archives_kept_bytes', 'Bytes of these archives.')
  const sessions = gauge('sessions', 'Sessions that have not ended.')
  const volumeSize = gauge('volume_size_bytes', 'Size of the volume.', ['volume'])
  const volumeFree = gauge('volume_free_bytes', 'Bytes that are free on it for this server.', ['volume'])
  const volumeReserved = gauge('volume_reserved_bytes', 'Of these, promised to exports or imports.', ['volume'])
  const workers = gauge('worker_up', '1 while this part of the worker runs, else 0.', ['part'])
  const ended = new Counter({
    name: 'fixdepot_tasks_ended_total',
    help: 'Tasks that have ended since the start of the server, by kind and state.',
    labelNames: ['kind', 'state'],
    registers: [registry]
  })
  for (const kind of ['export', 'scan', 'import'] as const) {
    for (const state of ['completed', 'failed', 'canceled'] as const) ended.inc({ kind, state }, 0)
  }

  function setCatalog(catalog: CatalogSize): void {
    packages.set(catalog.packages)
    files.set(catalog.files)
    bytes.set(catalog.bytes)
    problems.reset()
    for (const [code, count] of Object.entries(catalog.problems)) problems.set({ code }, count)
  }

  return {
    /** @param endedCounts the tasks that have ended since the last time */
    set(numbers: DepotStatistics, endedCounts: readonly EndedCount[], now: Date): void {
      setCatalog(numbers.catalog)
      readAt.set(inSeconds(numbers.readAt))
      if (numbers.lastScan !== undefined) {
        scanDuration.set({}, numbers.lastScan.seconds)
        scanSuccess.set({}, numbers.lastScan.state === 'completed' ? 1 : 0)
        scanFinished.set({}, inSeconds(numbers.lastScan.finishedAt))
      }
      for (const { kind, queuedTasks, runningTasks, queueDepth: depth, oldestQueuedAt } of numbers.live) {
        tasks.set({ kind, state: 'queued' }, queuedTasks)
        tasks.set({ kind, state: 'running' }, runningTasks)
        queueDepth.set({ kind }, depth)
        queueAge.set(
          { kind },
          oldestQueuedAt === undefined ? 0 : Math.max(0, inSeconds(now) - inSeconds(oldestQueuedAt))
        )
      }
      keptArchives.set(numbers.keptArchives)
      keptBytes.set(numbers.keptBytes)
      sessions.set(numbers.sessions)
      // One that cannot be asked any more is not as it was.
      for (const some of [volumeSize, volumeFree, volumeReserved]) some.reset()
      for (const { name, totalBytes, freeBytes, reservedBytes } of numbers.volumes) {
        volumeSize.set({ volume: name }, totalBytes)
        volumeFree.set({ volume: name }, freeBytes)
        volumeReserved.set({ volume: name }, reservedBytes)
      }
      for (const { name, isRunning } of numbers.workers) workers.set({ part: name }, isRunning ? 1 : 0)
      for (const { kind, state, count } of endedCounts) ended.inc({ kind, state }, count)
    }
  }
}

function inSeconds(time: Date | undefined): number {
  return (time?.getTime() ?? 0) / 1000
}
