/** Puts the numbers of the depot together: from the database, the volumes and the worker. */
import path from 'node:path'
import type { BucketSettings } from '../core/storage/storage-config.ts'
import type { CatalogSize, DepotStatistics, VolumeUse, WorkerPartState } from '../core/tasks/statistics.ts'
import { readVolumeSpace, type VolumeSpace } from '../storage/disk/volume.ts'
import type { Database } from '../store/engine/database.ts'
import { createImportStore } from '../store/imports/import-store.ts'
import { createArchiveStore } from '../store/tasks/archive-store.ts'
import { createStatisticsStore } from '../store/tasks/statistics-store.ts'
import { keepBriefly } from './keep-briefly.ts'

export interface StatisticsOptions {
  readonly db: Database
  readonly databaseFile: string
  readonly archivesDirectory: string
  /** Set when archives are not on a volume. */
  readonly archivesBucket?: BucketSettings | undefined
  readonly repositoryDirectory: string
  readonly sessionTimeoutMs: number
  readonly workers: () => readonly WorkerPartState[]
  readonly now: () => Date
}

/** Reads the statistics; all calls within a second get the same result. */
export function createStatistics(options: StatisticsOptions): () => Promise<DepotStatistics> {
  const { db, now } = options
  const store = createStatisticsStore(db)
  let known: { readonly readAt: number | undefined; readonly catalog: CatalogSize } | undefined

  /** Reads the whole catalog only when it was published anew. */
  async function catalogOf(readAt: Date | undefined): Promise<CatalogSize> {
    const key = readAt?.getTime()
    if (known === undefined || known.readAt !== key) known = { readAt: key, catalog: await store.catalogSize() }
    return known.catalog
  }

  async function volumes(): Promise<VolumeUse[]> {
    const isOnVolume = options.archivesBucket === undefined
    const [data, repository] = await Promise.all([
      spaceOf(isOnVolume ? options.archivesDirectory : path.dirname(options.databaseFile)),
      spaceOf(options.repositoryDirectory)
    ])
    const reserved = {
      data: isOnVolume ? await createArchiveStore(db).reservedBytes() : 0,
      repository: await createImportStore(db).reservedBytes(now())
    }
    return [
      ...(data === undefined ? [] : [{ name: 'data', ...data, reservedBytes: reserved.data } as const]),
      ...(repository === undefined
        ? []
        : [{ name: 'repository', ...repository, reservedBytes: reserved.repository } as const])
    ]
  }

  return keepBriefly(async () => {
    const readAt = await store.readAt()
    const kept = await store.keptArchives()
    return {
      catalog: await catalogOf(readAt),
      readAt,
      lastScan: await store.lastScan(),
      live: await store.liveJobs(),
      keptArchives: kept.count,
      keptBytes: kept.bytes,
      sessions: await store.sessionsSince(new Date(now().getTime() - options.sessionTimeoutMs)),
      volumes: await volumes(),
      workers: options.workers()
    }
  })
}

/** Undefined for a volume that cannot be read: the caller still gets the others. */
async function spaceOf(directory: string): Promise<VolumeSpace | undefined> {
  return readVolumeSpace(directory).catch(() => undefined)
}
