/** Composes the depot out of its parts: opens what is to be opened, and hands the routes their services. */
import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import { prepareAdministrator } from './administrator.ts'
import { createArchives } from './archives.ts'
import { type Config, ConfigError } from './config.ts'
import type { HealthCheck } from './core/catalog.ts'
import { rememberUsers } from './core/known-users.ts'
import { createLoginGuard } from './core/login-guard.ts'
import { createLogins } from './core/logins.ts'
import { createPasswordHasher } from './core/password-hasher.ts'
import { Problem } from './core/problem.ts'
import { createSessions } from './core/session.ts'
import { createArchiveDirectory } from './files/archive-directory.ts'
import { createDeflatedFiles } from './files/deflated-files.ts'
import { createIncomingDirectory } from './files/incoming-directory.ts'
import { recoverPutAside } from './files/put-aside.ts'
import { createRepositoryFiles } from './files/repository-files.ts'
import { checkReadableDirectory, readVolumeSpace } from './files/volume.ts'
import type { Services } from './http/services.ts'
import { createArchiveStore } from './store/archive-store.ts'
import { createAuditReader } from './store/audit-store.ts'
import { createCatalogStore } from './store/catalog-store.ts'
import { type Depot as Database, migrateToLatest, openDatabase } from './store/database.ts'
import { knownFiles } from './store/deletion-store.ts'
import { readIdentity } from './store/identity-store.ts'
import { createImportStore } from './store/import-store.ts'
import { acquireInstanceLock, lockFileIn } from './store/instance-lock.ts'
import { createPlanStore } from './store/plan-store.ts'
import { createSessionReader } from './store/session-store.ts'
import { createTaskStore } from './store/task-store.ts'
import { createUserReader, listLoginFailures } from './store/user-reader.ts'
import { createWorkStore } from './store/work-store.ts'
import type { LaneReport } from './worker/lane-port.ts'
import { SPACE_FLOOR_BYTES } from './worker/repository-room.ts'
import { startSupervisor } from './worker/supervisor.ts'

export interface DepotEvents {
  readonly onReport: (report: LaneReport) => void
  readonly onCrash: (kind: string, error: unknown) => void
}

export interface Depot {
  readonly services: Services
  /** The administrator's password, when this start has made one. */
  readonly madePassword: string | undefined
  close(): Promise<void>
}

/** Who asked for the scan at the start. */
const STARTUP_USER = 'fixdepot'

/**
 * Opens the depot, starts its worker, and has the repository read.
 * @throws ConfigError when a directory cannot be used, InstanceLocked, DatabaseUnusable
 */
export async function openDepot(config: Config, events: DepotEvents): Promise<Depot> {
  await checkDirectories(config)
  const lock = acquireInstanceLock(lockFileIn(config.dataDirectory))
  const db = openDatabase({ file: config.databaseFile })
  await migrateToLatest(db)
  await recoverDeletions(db, config)
  await removeAbandonedUploads(db, config)
  const hasher = createPasswordHasher()
  const madePassword = await prepareAdministrator(db, config, hasher, new Date())
  const { databaseFile, repositoryDirectory, archivesDirectory, deflatedDirectory } = config
  const settings = {
    databaseFile,
    repositoryDirectory,
    archivesDirectory,
    deflatedDirectory,
    compression: config.compression,
    deflatedBytes: config.deflatedBytes,
    allotmentBytes: config.allotmentBytes,
    owner: randomUUID(),
    archiveTtlMs: config.archiveTtlMs,
    userLimits: config.protection.userLimits
  }
  const works = createWorkStore(db)
  const supervisor = await startSupervisor({ settings, works, exportThreads: config.workers, ...events })
  await supervisor.desk.requestScan(STARTUP_USER)
  const catalog = createCatalogStore(db)
  const plans = createPlanStore(db)
  const files = createRepositoryFiles(repositoryDirectory)
  const now = () => new Date()
  const clock = () => performance.now()
  const userReader = createUserReader(db)
  const known = rememberUsers(userReader, supervisor.desk, clock)
  const guard = createLoginGuard({ failures: await listLoginFailures(db), desk: known.desk, now })

  const services: Services = {
    desk: supervisor.desk,
    imports: supervisor.desk,
    tasks: createTaskStore(db),
    plans,
    catalog,
    files,
    archives: createArchives({
      store: createArchiveStore(db),
      directory: createArchiveDirectory(archivesDirectory),
      plans,
      files,
      deflatedFiles: createDeflatedFiles(deflatedDirectory)
    }),
    async space() {
      const volume = await readVolumeSpace(repositoryDirectory).catch((cause) => {
        throw new Problem('REPOSITORY_UNAVAILABLE', `The repository directory cannot be read: ${cause.code}.`, {
          cause
        })
      })
      const usedBytes = await catalog.usedBytes()
      const allotmentBytes = config.allotmentBytes ?? volume.totalBytes
      return {
        usedBytes,
        allotmentBytes,
        freeBytes: Math.max(0, Math.min(volume.freeBytes, allotmentBytes - usedBytes))
      }
    },
    health: () => checkHealth(db, config),
    uploads: createIncomingDirectory(repositoryDirectory).sink,
    importDirectory: repositoryDirectory,
    identity: await readIdentity(db),
    sessions: createSessions({
      reader: createSessionReader(db),
      desk: supervisor.desk,
      timeoutMs: config.sessionTimeoutMs,
      now
    }),
    logins: createLogins({ users: known.reader, freshUsers: userReader, desk: known.desk, hasher, guard, now, clock }),
    hasher,
    users: userReader,
    userDesk: known.desk,
    audit: supervisor.desk,
    auditTrail: createAuditReader(db),
    isUser: async (userName) => (await known.reader.findUser(userName)) !== undefined
  }
  return {
    services,
    madePassword,
    async close() {
      await supervisor.stop()
      await db.destroy()
      lock.release()
    }
  }
}

/** What cannot be brought back now is still there at the next start. */
async function recoverDeletions(db: Database, { repositoryDirectory }: Config): Promise<void> {
  await recoverPutAside(repositoryDirectory, (paths) => knownFiles(db, paths)).catch(tolerateSystemError)
}

/** What came in for an import that does not exist, or has ended. */
async function removeAbandonedUploads(db: Database, { repositoryDirectory }: Config): Promise<void> {
  const incoming = createIncomingDirectory(repositoryDirectory)
  const live = await createImportStore(db).liveDirectories()
  try {
    for (const directory of incoming.directories()) if (!live.has(directory)) incoming.remove(directory)
  } catch (error) {
    tolerateSystemError(error)
  }
}

function tolerateSystemError(error: unknown): void {
  if (!/^E[A-Z]+$/.test((error as NodeJS.ErrnoException).code ?? '')) throw error
}

async function checkDirectories({ repositoryDirectory, archivesDirectory }: Config): Promise<void> {
  try {
    fs.mkdirSync(archivesDirectory, { recursive: true, mode: 0o750 })
    fs.accessSync(archivesDirectory, fs.constants.W_OK)
  } catch (error) {
    throw new ConfigError(`FIXDEPOT_DATA_DIR cannot be written: ${(error as Error).message}`, { cause: error })
  }
  try {
    await checkReadableDirectory(repositoryDirectory)
  } catch (error) {
    const advice = 'Create it, or set FIXDEPOT_REPOSITORY_DIR to the directory that holds the firmware.'
    throw new ConfigError(`The repository directory cannot be read: ${(error as Error).message}. ${advice}`, {
      cause: error
    })
  }
}

async function checkHealth(db: Database, config: Config): Promise<HealthCheck[]> {
  const check = async (name: HealthCheck['name'], look: () => Promise<string>): Promise<HealthCheck> => {
    const reason = await look().catch((error) => `${(error as NodeJS.ErrnoException).code ?? 'unknown error'}.`)
    return { name, isHealthy: reason === '', reason }
  }
  return Promise.all([
    check('database', async () => {
      await db.selectFrom('catalog').select('id').execute()
      return ''
    }),
    check('repository', async () => {
      await checkReadableDirectory(config.repositoryDirectory)
      return ''
    }),
    check('space', async () => {
      const { freeBytes } = await readVolumeSpace(config.archivesDirectory)
      return freeBytes < SPACE_FLOOR_BYTES ? `Only ${freeBytes} bytes are free for archives.` : ''
    })
  ])
}
