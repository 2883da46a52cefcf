/** Composes the depot out of its parts: opens what is to be opened, and hands the routes their services. */
import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import { createArchives } from './archives.ts'
import { type Config, ConfigError } from './config.ts'
import type { HealthCheck } from './core/catalog.ts'
import {
  hashMadePassword,
  makePassword,
  sessionKey,
  type VerifyCredentials,
  verifierForHash,
  verifierForPassword
} from './core/password.ts'
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
import { createCatalogStore } from './store/catalog-store.ts'
import { findPasswordHash, savePasswordHash } from './store/credential-store.ts'
import { type Depot as Database, migrateToLatest, openDatabase } from './store/database.ts'
import { knownFiles } from './store/deletion-store.ts'
import { readIdentity } from './store/identity-store.ts'
import { createImportStore } from './store/import-store.ts'
import { acquireInstanceLock, lockFileIn } from './store/instance-lock.ts'
import { createPlanStore } from './store/plan-store.ts'
import { createSessionReader } from './store/session-store.ts'
import { createTaskStore } from './store/task-store.ts'
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
  const administrator = await prepareAdministrator(db, config)
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
      key: administrator.sessionKey,
      timeoutMs: config.sessionTimeoutMs,
      now: () => new Date()
    }),
    verifyCredentials: administrator.verify
  }
  return {
    services,
    madePassword: administrator.madePassword,
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

interface Administrator {
  readonly verify: VerifyCredentials
  readonly madePassword?: string
  /** Another one as soon as the password is: then all sessions have ended. */
  readonly sessionKey: Buffer
}

async function prepareAdministrator(db: Database, { adminUser, adminPassword }: Config): Promise<Administrator> {
  if (adminPassword !== undefined) {
    return { verify: verifierForPassword(adminUser, adminPassword), sessionKey: sessionKey(adminUser, adminPassword) }
  }
  const known = await findPasswordHash(db, adminUser)
  if (known !== undefined)
    return { verify: verifierForHash(adminUser, known), sessionKey: sessionKey(adminUser, known) }
  const madePassword = makePassword()
  const hash = hashMadePassword(madePassword)
  await savePasswordHash(db, adminUser, hash)
  return { verify: verifierForHash(adminUser, hash), madePassword, sessionKey: sessionKey(adminUser, hash) }
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
