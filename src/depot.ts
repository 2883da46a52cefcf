/** Composes the depot out of its parts: opens what is to be opened, and hands the routes their services. */
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { prepareAdministrator } from './administrator.ts'
import { createArchives } from './archives.ts'
import { checkDirectories } from './check-directories.ts'
import type { Config } from './config/config.ts'
import { ConfigError } from './config/config-error.ts'
import type { ArchiveStorage } from './core/archive-storage.ts'
import { StorageTrouble } from './core/archive-trouble.ts'
import { rememberUsers } from './core/known-users.ts'
import { createLoginGuard } from './core/login-guard.ts'
import { createLogins } from './core/logins.ts'
import { createPasswordHasher } from './core/password-hasher.ts'
import { Problem } from './core/problem.ts'
import { createSessions } from './core/session.ts'
import { createLocalSignals } from './core/signals.ts'
import type { StorageConfig } from './core/storage-config.ts'
import { createIncomingDirectory } from './files/incoming-directory.ts'
import { nodeIdOf } from './files/node-id.ts'
import { createRepositoryDirectory, type RepositoryDirectory } from './files/repository-directory.ts'
import { createRepositoryFiles } from './files/repository-files.ts'
import { checkHealth } from './health.ts'
import type { Services } from './http/services.ts'
import { joinServers, UNKNOWN_PLACE } from './join-servers.ts'
import { keepBriefly } from './observe/keep-briefly.ts'
import { createMetrics, type DepotMetrics } from './observe/metrics.ts'
import { createStatistics } from './observe/statistics.ts'
import { createArchiveStore } from './store/archive-store.ts'
import { createAuditReader } from './store/audit-store.ts'
import { createCatalogStore } from './store/catalog-store.ts'
import { type Depot as Database, migrateToLatest, openDepotDatabase } from './store/database.ts'
import { createDatabaseClock } from './store/database-clock.ts'
import { lockDatabase } from './store/database-lock.ts'
import { writeTransaction } from './store/durable-transaction.ts'
import { readIdentity } from './store/identity-store.ts'
import { createImportStore } from './store/import-store.ts'
import { acquireInstanceLock, lockFileIn } from './store/instance-lock.ts'
import { createPlanStore } from './store/plan-store.ts'
import { createPostgresSignals } from './store/postgres-signals.ts'
import { rememberTasks } from './store/remembered-tasks.ts'
import { createServerStore, type ServerStore } from './store/server-store.ts'
import { createSessionReader } from './store/session-store.ts'
import { createStatisticsStore } from './store/statistics-store.ts'
import { createTaskStore } from './store/task-store.ts'
import { createUserReader, findLoginFailures, listLoginFailures } from './store/user-reader.ts'
import { createWorkStore } from './store/work-store.ts'
import { readVersion } from './version.ts'
import { openArchiveStorage } from './worker/open-archive-storage.ts'
import { claimArchives } from './worker/own-archives.ts'
import { recoverDeletions, removeAbandonedUploads, tolerateTrouble } from './worker/recover-repository.ts'
import type { JobReport } from './worker/runtime/worker-channel.ts'
import type { RunningJob } from './worker/runtime/worker-slot.ts'
import { type Supervisor, startSupervisor } from './worker/supervisor.ts'

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
const READING_CONNECTIONS = 4

/** How often the clock is compared with that of the database. */
const CLOCK_INTERVAL_MS = 60_000

/** Who asked for the scan at the start. */
const STARTUP_USER = 'fixdepot'

/**
 * Opens the depot, starts its worker, and has the repository read.
 * @throws ConfigError when a directory cannot be used, InstanceLocked, DatabaseUnusable
 */
export async function openDepot(config: Config, events: DepotEvents): Promise<Depot> {
  const startedAt = new Date()
  const { storage } = config
  await checkDirectories(storage)
  const lock = acquireInstanceLock(lockFileIn(storage.dataDirectory))
  const owner = randomUUID()
  const db = openDepotDatabase({ ...storage, owner }, READING_CONNECTIONS)
  const starting = storage.databaseUrl === undefined ? undefined : await lockDatabase(storage.databaseUrl)
  const hasOthers = starting !== undefined
  const repository = createRepositoryDirectory(storage.repositoryDirectory)
  const hasher = createPasswordHasher()
  await migrateToLatest(db)
  const databaseClock = createDatabaseClock(db)
  await databaseClock.sync()
  const now = databaseClock.now
  const madePassword = await prepareAdministrator(db, config, hasher, now())
  const archiveStorage = openArchiveStorage(storage)
  const identity = await readIdentity(db)
  const archivesOwner = isReachedByOthers(storage) ? identity : undefined
  const node = nodeIdOf(storage.dataDirectory)
  const archivesPlace = archivesOwner === undefined ? node : await placeOf(archiveStorage, archivesOwner)
  const servers = createServerStore(db)
  if (hasOthers) await joinServers(servers, { id: owner, node, archives: archivesPlace })
  await recoverRepository(db, repository, storage.repositoryDirectory, hasOthers ? servers : undefined)
  starting?.release()
  const settings = {
    ...storage,
    archivesOwner,
    node,
    archivesPlace,
    owner,
    userLimits: config.protection.userLimits
  }
  const works = createWorkStore(db)
  const store = createStatisticsStore(db)
  const tasks = rememberTasks(db, createTaskStore(db))
  const statistics = createStatistics({
    db,
    ...storage,
    sessionTimeoutMs: config.sessionTimeoutMs,
    workers: () => supervisor.parts(),
    now
  })
  // It reads an index to its end: some ten milliseconds when there are a hundred thousand tasks.
  const countEnded = keepBriefly(() => store.ended())
  const metrics = createMetrics({
    version: readVersion(),
    store,
    lastEndNumber: await tasks.lastEndNumber(),
    statistics,
    now
  })
  const signals =
    storage.databaseUrl === undefined ? createLocalSignals() : createPostgresSignals(storage.databaseUrl, owner)
  const syncing = setInterval(() => void databaseClock.sync().catch(() => {}), CLOCK_INTERVAL_MS).unref()
  const supervisor: Supervisor = await startSupervisor({
    settings,
    works,
    exportThreads: config.role === 'api' ? 0 : config.workers,
    hasCatalog: config.role !== 'api',
    hasOthers,
    signals,
    onReport(report) {
      metrics.onReport(report)
      events.onReport(report)
    },
    onPacked: metrics.onPacked,
    onCrash(part, error, job) {
      metrics.onCrash(part)
      events.onCrash(part, error, job)
    }
  })
  const { commands } = supervisor
  if (config.role !== 'worker') await commands.requestScan(STARTUP_USER)
  const catalog = createCatalogStore(db)
  const plans = createPlanStore(db)
  const files = createRepositoryFiles(storage.repositoryDirectory)
  const places = { archives: archiveStorage, repository }
  const clock = () => performance.now()
  const userReader = createUserReader(db)
  const known = rememberUsers(userReader, clock)
  signals.on('users', known.forget)
  const guard = createLoginGuard({
    failures: await listLoginFailures(db),
    desk: commands,
    findFailures: hasOthers ? (keys) => findLoginFailures(db, keys) : undefined,
    now
  })

  const services: Services = {
    desk: commands,
    imports: commands,
    tasks,
    onExportsChange: hasOthers ? (listener) => signals.on('exports', listener) : undefined,
    plans,
    catalog,
    files,
    archives: createArchives({
      store: createArchiveStore(db),
      storage: archiveStorage,
      isLinking: config.isRedirecting,
      plans,
      files
    }),
    async space() {
      const volume = await repository.size().catch((cause) => {
        throw new Problem('REPOSITORY_UNAVAILABLE', `The repository directory cannot be read: ${cause.code}.`, {
          cause
        })
      })
      const usedBytes = await catalog.usedBytes()
      const allotmentBytes = storage.allotmentBytes ?? volume.totalBytes
      return {
        usedBytes,
        allotmentBytes,
        freeBytes: Math.max(0, Math.min(volume.freeBytes, allotmentBytes - usedBytes))
      }
    },
    health: () => checkHealth(db, storage, places, supervisor),
    async status() {
      const [numbers, ended, checks] = await Promise.all([
        statistics(),
        countEnded(),
        checkHealth(db, storage, places, supervisor)
      ])
      return { ...numbers, ended, checks, startedAt }
    },
    metrics,
    uploads: metrics.countUploads(createIncomingDirectory(storage.repositoryDirectory).sink),
    importDirectory: storage.repositoryDirectory,
    identity,
    sessions: createSessions({
      reader: createSessionReader(db),
      desk: commands,
      timeoutMs: config.sessionTimeoutMs,
      now
    }),
    logins: createLogins({ users: known.reader, freshUsers: userReader, desk: commands, hasher, guard, now, clock }),
    hasher,
    users: userReader,
    userDesk: commands,
    audit: commands,
    auditTrail: createAuditReader(db),
    isUser: async (userName) => (await known.reader.findUser(userName)) !== undefined
  }
  return {
    services,
    metrics,
    madePassword,
    async close() {
      clearInterval(syncing)
      await supervisor.stop()
      await signals.close()
      archiveStorage.close()
      if (hasOthers) await servers.leave(owner).catch(() => {})
      await db.destroy()
      lock.release()
    }
  }
}

/** The depot's own data directory has a lock. */
function isReachedByOthers({ archivesBucket, archivesDirectory, dataDirectory }: StorageConfig): boolean {
  return archivesBucket !== undefined || path.dirname(archivesDirectory) !== dataDirectory
}

/** Storage that is only away is asked again by whoever writes there. @throws ConfigError */
async function placeOf(storage: ArchiveStorage, identity: string): Promise<string> {
  try {
    return await claimArchives(storage, identity)
  } catch (error) {
    if (error instanceof StorageTrouble && error.isPassing) return UNKNOWN_PLACE
    if (!(error instanceof StorageTrouble)) tolerateTrouble(error)
    throw new ConfigError((error as Error).message, { cause: error })
  }
}

/** Removes what former processes have left in the repository. @param servers where others may be at work */
async function recoverRepository(
  db: Database,
  repository: RepositoryDirectory,
  stagingDirectory: string,
  servers: ServerStore | undefined
): Promise<void> {
  const isAlone = servers === undefined
  const living = new Set((await servers?.others(''))?.map(({ id }) => id))
  if (isAlone) await createImportStore(db).endUploads()
  await writeTransaction(db, (trx) => recoverDeletions(trx, repository, (owner) => !living.has(owner)))
  await removeAbandonedUploads(db, stagingDirectory, isAlone)
}
