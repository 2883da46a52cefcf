/** The statistics of this depot and the metrics of this process. */
import type { Config } from '../config/config.ts'
import type { DepotStatistics, DepotStatus, WorkerPartState } from '../core/tasks/statistics.ts'
import type { Database } from '../store/engine/database.ts'
import { createStatisticsStore } from '../store/tasks/statistics-store.ts'
import { keepBriefly } from '../telemetry/keep-briefly.ts'
import { createMetrics, type DepotMetrics } from '../telemetry/metrics.ts'
import { createStatistics } from '../telemetry/statistics.ts'
import { readVersion } from '../version.ts'

export interface Telemetry {
  readonly metrics: DepotMetrics
  readonly statistics: () => Promise<DepotStatistics>
  readonly countEnded: () => Promise<DepotStatus['ended']>
}

/** @param workers called whenever statistics are read */
export function createTelemetry(
  db: Database,
  { storage, sessionTimeoutMs }: Config,
  lastEndNumber: number,
  workers: () => readonly WorkerPartState[],
  now: () => Date
): Telemetry {
  const store = createStatisticsStore(db)
  const statistics = createStatistics({ db, ...storage, sessionTimeoutMs, workers, now })
  return {
    statistics,
    metrics: createMetrics({ version: readVersion(), store, lastEndNumber, statistics, now }),
    // It reads an index to its end: some ten milliseconds when there are a hundred thousand tasks.
    countEnded: keepBriefly(() => store.ended())
  }
}
