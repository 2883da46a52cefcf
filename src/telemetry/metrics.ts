/** All metrics of this process for Prometheus: counters of events, and values that are read for each scrape. */
import type { Server } from 'node:http'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Uploads } from '../core/import/import.ts'
import type { DepotStatistics } from '../core/tasks/statistics.ts'
import type { Metrics } from '../core/tasks/telemetry.ts'
import type { StatisticsStore } from '../store/tasks/statistics-store.ts'
import type { JobReport } from '../worker/runtime/worker-channel.ts'
import { createDepotMetrics } from './depot-metrics.ts'
import { keepBriefly } from './keep-briefly.ts'
import { createRequestMetrics } from './request-metrics.ts'
import { createWorkerMetrics } from './worker-metrics.ts'

/** The numbers of a depot, and what they are made of. */
export interface DepotMetrics extends Metrics {
  /** Counts the events of the worker. */
  onReport(report: JobReport): void
  onPacked(bytes: number): void
  onCrash(part: string): void
  /** Counts the connections of this server. */
  watch(server: Server): void
  /** The same uploads, which are counted. */
  countUploads(uploads: Uploads): Uploads
}

export interface MetricsOptions {
  readonly version: string
  readonly store: Pick<StatisticsStore, 'isLive' | 'endedSince'>
  /** The number of the task that has ended last: those before it ended in former processes. */
  readonly lastEndNumber: number
  readonly statistics: () => Promise<DepotStatistics>
  readonly now: () => Date
  /** How long the numbers are given out again, in milliseconds; a second unless it says another. */
  readonly keptMs?: number
}

/** Numbers of the process itself (event loop, memory, garbage collection, CPU) included, under their usual names. */
export function createMetrics({
  version,
  store,
  lastEndNumber,
  statistics,
  now,
  keptMs
}: MetricsOptions): DepotMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const build = new Gauge({
    name: 'fixdepot_build_info',
    help: 'Always 1; the labels say which version runs, on which Node.js.',
    labelNames: ['version', 'node'],
    registers: [registry]
  })
  build.set({ version, node: process.versions.node }, 1)
  const requests = createRequestMetrics(registry)
  const workers = createWorkerMetrics(registry, store.isLive)
  const depot = createDepotMetrics(registry)
  const countUploads = createUploadMetrics(registry)
  let last = lastEndNumber

  return {
    contentType: registry.contentType,
    recordRequest: requests.recordRequest,
    watch: requests.watch,
    ...workers,
    countUploads,
    read: keepBriefly(async () => {
      const numbers = await statistics()
      const ended = await store.endedSince(last)
      last = ended.last
      requests.collect()
      depot.set(numbers, ended.counts, now())
      return registry.metrics()
    }, keptMs)
  }
}

function createUploadMetrics(registry: Registry): (uploads: Uploads) => Uploads {
  const registers = [registry]
  const running = new Gauge({
    name: 'fixdepot_uploads_in_progress',
    help: 'Files that are being received for imports.',
    registers
  })
  const files = new Counter({
    name: 'fixdepot_uploaded_files_total',
    help: 'Files for imports that were received, by result: completed or failed.',
    labelNames: ['result'],
    registers
  })
  const bytes = new Counter({
    name: 'fixdepot_uploaded_bytes_total',
    help: 'Bytes of the files that were received to their end.',
    registers
  })
  for (const result of ['completed', 'failed'] as const) files.inc({ result }, 0)
  return (uploads) => (upload) => {
    const sink = uploads(upload)
    return {
      async receive(name, content) {
        running.inc()
        try {
          const file = await sink.receive(name, content)
          files.inc({ result: 'completed' })
          bytes.inc(file.size)
          return file
        } catch (error) {
          files.inc({ result: 'failed' })
          throw error
        } finally {
          running.dec()
        }
      }
    }
  }
}
