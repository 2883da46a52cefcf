/** Composes the depot: opens its parts, recovers what former processes left, and starts the workers. */
import { randomUUID } from 'node:crypto'
import type { Config } from '../config/config.ts'
import { createPasswordHasher } from '../core/accounts/password-hasher.ts'
import { createLocalNotifications } from '../core/tasks/notifications.ts'
import type { Services } from '../http/services.ts'
import { createRepositoryDirectory } from '../storage/disk/repository-directory.ts'
import { openArchiveStorage } from '../storage/open-archive-storage.ts'
import { createPostgresNotifications } from '../store/cluster/postgres-notifications.ts'
import { createServerStore } from '../store/cluster/server-store.ts'
import { openDepotDatabase } from '../store/engine/database.ts'
import { createDatabaseClock } from '../store/engine/database-clock.ts'
import { lockDatabase } from '../store/engine/database-lock.ts'
import { acquireInstanceLock, lockFileIn } from '../store/engine/instance-lock.ts'
import { migrateToLatest } from '../store/engine/migrations.ts'
import { createJobStore } from '../store/tasks/job-store.ts'
import { rememberTasks } from '../store/tasks/task-cache.ts'
import { createTaskStore } from '../store/tasks/task-store.ts'
import type { DepotMetrics } from '../telemetry/metrics.ts'
import { type Supervisor, startSupervisor } from '../worker/runtime/supervisor.ts'
import type { JobReport } from '../worker/runtime/worker-channel.ts'
import type { RunningJob } from '../worker/runtime/worker-slot.ts'
import { prepareAdministrator } from './administrator.ts'
import { checkDirectories } from './check-directories.ts'
import { identifyServer, recover } from './recover.ts'
import { createServices } from './services.ts'
import { createTelemetry } from './telemetry.ts'

export interface DepotEvents {
  readonly onReport: (report: JobReport) => void
  readonly onCrash: (part: string, error: unknown, job?: RunningJob) => void
}

export interface Depot {
  readonly services: Services
  readonly metrics: DepotMetrics
  /** The administrator's password, when this start has made one. */
  readonly madePassword: string | undefined
  close(): Promise<void>
}

/** To PostgreSQL, from the thread that answers requests. */
const READ_CONNECTIONS = 4

/** How often the clock is compared with that of the database. */
const CLOCK_INTERVAL_MS = 60_000

/** Requests the scan at the start. */
const STARTUP_USER = 'fixdepot'

/**
 * Opens the depot, starts its workers, and scans the repository.
 * @throws ConfigError when a directory cannot be used, InstanceLocked, DatabaseUnusable
 */
export async function openDepot(config: Config, events: DepotEvents): Promise<Depot> {
  const startedAt = new Date()
  const { storage, role } = config
  await checkDirectories(storage)
  const lock = acquireInstanceLock(lockFileIn(storage.dataDirectory))
  const owner = randomUUID()
  const db = openDepotDatabase({ ...storage, owner }, READ_CONNECTIONS)
  const startLock = storage.databaseUrl === undefined ? undefined : await lockDatabase(storage.databaseUrl)
  await migrateToLatest(db)
  const clock = createDatabaseClock(db)
  await clock.sync()
  const { now } = clock
  const hasher = createPasswordHasher()
  const madePassword = await prepareAdministrator(db, config, hasher, now())

  const archives = openArchiveStorage(storage)
  const identity = await identifyServer(db, storage, archives, owner)
  const peers = startLock && createServerStore(db)
  await recover(db, storage.repositoryDirectory, identity, peers)
  startLock?.release()

  const tasks = rememberTasks(db, createTaskStore(db))
  const workers = () => supervisor.parts()
  const telemetry = createTelemetry(db, config, await tasks.lastEndNumber(), workers, now)
  const notifications =
    storage.databaseUrl === undefined
      ? createLocalNotifications()
      : createPostgresNotifications(storage.databaseUrl, owner)
  const clockSync = setInterval(() => void clock.sync().catch(() => {}), CLOCK_INTERVAL_MS).unref()
  const supervisor: Supervisor = await startSupervisor({
    settings: { ...storage, ...identity, userLimits: config.protection.userLimits },
    jobs: createJobStore(db),
    exportThreads: role === 'api' ? 0 : config.workers,
    hasCatalog: role !== 'api',
    hasOthers: peers !== undefined,
    notifications: notifications,
    ...reportTo(telemetry.metrics, events)
  })
  if (role !== 'worker') await supervisor.commands.requestScan(STARTUP_USER)

  const repository = createRepositoryDirectory(storage.repositoryDirectory)
  const shared = { config, startedAt, db, hasPeers: peers !== undefined, now, hasher, archives, repository, tasks }
  return {
    services: await createServices({ ...shared, notifications, supervisor, telemetry }),
    metrics: telemetry.metrics,
    madePassword,
    async close() {
      clearInterval(clockSync)
      await supervisor.stop()
      await notifications.close()
      archives.close()
      await peers?.deregister(owner).catch(() => {})
      await db.destroy()
      lock.release()
    }
  }
}

/** The metrics count the events of the workers; the log records them. */
function reportTo(metrics: DepotMetrics, log: DepotEvents) {
  return {
    onPacked: metrics.onPacked,
    onReport(report: JobReport) {
      metrics.onReport(report)
      log.onReport(report)
    },
    onCrash(part: string, error: unknown, job?: RunningJob) {
      metrics.onCrash(part)
      log.onCrash(part, error, job)
    }
  }
}
