/** What the routes need of the depot, made from its parts. */

import type { Config } from '../config/config.ts'
import { rememberUsers } from '../core/accounts/known-users.ts'
import { createLoginGuard } from '../core/accounts/login-guard.ts'
import { createLogins } from '../core/accounts/logins.ts'
import type { PasswordHasher } from '../core/accounts/password-hasher.ts'
import { createSessions } from '../core/accounts/session.ts'
import { Problem } from '../core/problems/problem.ts'
import type { ArchiveStorage } from '../core/storage/archive-storage.ts'
import type { Notifications } from '../core/tasks/notifications.ts'
import type { TaskReader } from '../core/tasks/task.ts'
import type { Services } from '../http/services.ts'
import { createIncomingDirectory } from '../storage/disk/incoming-directory.ts'
import type { RepositoryDirectory } from '../storage/disk/repository-directory.ts'
import { createRepositoryFiles } from '../storage/disk/repository-files.ts'
import { createAuditReader } from '../store/accounts/audit-store.ts'
import { createSessionReader } from '../store/accounts/session-store.ts'
import { createUserReader, findLoginFailures, listLoginFailures } from '../store/accounts/user-reader.ts'
import { createCatalogStore } from '../store/catalog/catalog-store.ts'
import { type Database, readIdentity } from '../store/engine/database.ts'
import { createArchiveStore } from '../store/tasks/archive-store.ts'
import { createPlanStore } from '../store/tasks/plan-store.ts'
import type { Supervisor } from '../worker/runtime/supervisor.ts'
import { createArchives } from './archives.ts'
import { checkHealth } from './health.ts'
import type { Telemetry } from './telemetry.ts'

export interface DepotParts {
  readonly config: Config
  readonly startedAt: Date
  readonly db: Database
  /** Whether peers use the same database. */
  readonly hasPeers: boolean
  readonly now: () => Date
  readonly hasher: PasswordHasher
  readonly archives: ArchiveStorage
  readonly repository: RepositoryDirectory
  readonly tasks: TaskReader
  readonly notifications: Notifications
  readonly supervisor: Supervisor
  readonly telemetry: Telemetry
}

export async function createServices(parts: DepotParts): Promise<Services> {
  const { config, db, hasher, notifications, now, repository, supervisor, telemetry } = parts
  const { commands } = supervisor
  const { storage, sessionTimeoutMs } = config
  const [catalog, plans, users] = [createCatalogStore(db), createPlanStore(db), createUserReader(db)]
  const files = createRepositoryFiles(storage.repositoryDirectory)
  const clock = () => performance.now()
  const known = rememberUsers(users, clock)
  notifications.subscribe('users', known.forget)
  const guard = await openLoginGuard(parts)
  const health = () => checkHealth(db, storage, parts, supervisor)
  return {
    commands,
    tasks: parts.tasks,
    onExportsChange: parts.hasPeers ? (listener) => notifications.subscribe('exports', listener) : undefined,
    plans,
    catalog,
    files,
    archives: createArchives({
      store: createArchiveStore(db),
      storage: parts.archives,
      isLinking: config.isRedirecting,
      plans,
      files
    }),
    space: () => readSpace(repository, catalog, storage.allotmentBytes),
    health,
    status: () => readStatus(telemetry, health, parts.startedAt),
    metrics: telemetry.metrics,
    uploads: telemetry.metrics.countUploads(createIncomingDirectory(storage.repositoryDirectory).sink),
    importDirectory: storage.repositoryDirectory,
    identity: await readIdentity(db),
    sessions: createSessions({
      reader: createSessionReader(db),
      commands,
      timeoutMs: sessionTimeoutMs,
      now
    }),
    logins: createLogins({ users: known.reader, freshUsers: users, commands, hasher, guard, now, clock }),
    hasher,
    users,
    auditTrail: createAuditReader(db),
    isUser: async (userName) => (await known.reader.findUser(userName)) !== undefined
  }
}

async function openLoginGuard({ db, supervisor, hasPeers, now }: DepotParts) {
  return createLoginGuard({
    failures: await listLoginFailures(db),
    commands: supervisor.commands,
    findFailures: hasPeers ? (keys) => findLoginFailures(db, keys) : undefined,
    now
  })
}

async function readSpace(
  repository: RepositoryDirectory,
  catalog: Services['catalog'],
  limitBytes: number | undefined
): ReturnType<Services['space']> {
  const volume = await repository.size().catch((cause) => {
    throw new Problem('REPOSITORY_UNAVAILABLE', `The repository directory cannot be read: ${cause.code}.`, { cause })
  })
  const usedBytes = await catalog.usedBytes()
  const allotmentBytes = limitBytes ?? volume.totalBytes
  const freeBytes = Math.max(0, Math.min(volume.freeBytes, allotmentBytes - usedBytes))
  return { usedBytes, allotmentBytes, freeBytes }
}

async function readStatus(
  { statistics, countEnded }: Telemetry,
  health: Services['health'],
  startedAt: Date
): ReturnType<Services['status']> {
  const [numbers, ended, checks] = await Promise.all([statistics(), countEnded(), health()])
  return { ...numbers, ended, checks, startedAt }
}
