/** The app over a depot of its own, without threads or sockets: reading and packing run when a test says so. */
import type { AddressInfo } from 'node:net'
import type { FastifyBaseLogger, InjectOptions, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import { DEFAULT_PROTECTION, type Protection } from '../../../src/core/accounts/protection.ts'
import { createSessions } from '../../../src/core/accounts/session.ts'
import type { ImportCommands } from '../../../src/core/import/import.ts'
import type { TaskKind, TaskReader } from '../../../src/core/tasks/task.ts'
import { type App, buildApp } from '../../../src/http/app.ts'
import type { CertificateSource } from '../../../src/http/connection/secure-server.ts'
import type { Services } from '../../../src/http/services.ts'
import { createArchives } from '../../../src/server/archives.ts'
import { createIncomingDirectory } from '../../../src/storage/disk/incoming-directory.ts'
import { createRepositoryFiles } from '../../../src/storage/disk/repository-files.ts'
import { openArchiveStorage } from '../../../src/storage/open-archive-storage.ts'
import { appendEvents, createAuditReader } from '../../../src/store/accounts/audit-store.ts'
import { createSessionCommands, createSessionReader } from '../../../src/store/accounts/session-store.ts'
import { createCatalogStore } from '../../../src/store/catalog/catalog-store.ts'
import { createArchiveStore } from '../../../src/store/tasks/archive-store.ts'
import { createPlanStore } from '../../../src/store/tasks/plan-store.ts'
import { createStatisticsStore } from '../../../src/store/tasks/statistics-store.ts'
import { createTaskStore } from '../../../src/store/tasks/task-store.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { createStatistics } from '../../../src/telemetry/statistics.ts'
import type { ImportCommandsOptions, SweepingImportCommands } from '../../../src/worker/commands/import-commands.ts'
import type { TaskCommandsOptions } from '../../../src/worker/commands/task-commands.ts'
import { type BareDepot, contentsOf, makeDepot } from '../depot.ts'
import type { Files } from '../packages.ts'
import { makeCommands, makeImportCommands, runQueued } from '../worker.ts'
import { reportMismatches } from './check-answers.ts'
import { type AccessServices, addUser, loginsOf, makeLogins } from './logins.ts'
import { filesBody } from './multipart.ts'
import { borrowApp } from './shared-app.ts'

/** Options of the repository of a test depot. */
export const ALLOTMENT_BYTES = 1_000_000_000

export const USER = 'admin'
export const PASSWORD = 'correct horse battery'

export function basic(userName: string, password: string): string {
  return `Basic ${Buffer.from(`${userName}:${password}`).toString('base64')}`
}

/** Of the depots that tests make up. */
export const IDENTITY = '7c1f0f8e-0000-4000-8000-000000000001'

/** As the operator set it. */
export const IMPORT_DIRECTORY = '/srv/firmware'

export const IMPORT = '/files/updateRepositories/firmware/import'

export const SESSION_TIMEOUT_MS = 1440 * 60_000

export const AUTHORIZATION = basic(USER, PASSWORD)

/** Calls a route, with a login unless the headers have another one. */
export type Call = (url: string, options?: Omit<InjectOptions, 'url' | 'path'>) => Promise<LightMyRequestResponse>

export function callOf(app: App): Call {
  return (url, options = {}) =>
    app.inject({ method: 'GET', url, ...options, headers: { authorization: AUTHORIZATION, ...options.headers } })
}

/** The services that a test gives; of the commands it may give some. */
export type TestServices = Partial<Omit<Services, 'commands'>> & { readonly commands?: Partial<Services['commands']> }

/**
 * An app over services of which only those that are given can be used. An answer that the API's description does not
 * fit fails `t`. All tests of a file share one app, one after the other. A test that gives more than services has an
 * app of its own: also one that gives `{}` as protection, because the app remembers what earlier tests did.
 */
export async function buildTestApp(
  t: Test,
  { commands, ...services }: TestServices,
  certificates?: CertificateSource,
  protection?: Partial<Protection>,
  logger?: FastifyBaseLogger
): Promise<{ app: App; call: Call }> {
  const all: Services = {
    commands: Object.assign(absent<Services['commands']>('commands'), { recordEvent: async () => {} }, commands),
    tasks: absent('tasks'),
    plans: absent('plans'),
    archives: absent('archives'),
    catalog: absent('catalog'),
    files: absent('files'),
    space: async () => absent('space'),
    health: async () => absent('health'),
    status: async () => absent('status'),
    metrics: { contentType: 'text/plain', recordRequest() {}, read: async () => absent('metrics') },
    uploads: () => absent('uploads'),
    importDirectory: IMPORT_DIRECTORY,
    identity: IDENTITY,
    sessions: absent('sessions'),
    logins: loginsOf(USER, PASSWORD),
    users: absent('users'),
    hasher: absent('hasher'),
    auditTrail: absent('auditTrail'),
    isUser: (userName) => userName === USER,
    ...services
  }
  const isShared = certificates === undefined && protection === undefined && logger === undefined
  const app = isShared
    ? await borrowApp(t, all)
    : await buildApp({
        services: all,
        version: '0.0.0-test',
        certificates,
        ...(logger && { logger }),
        protection: { ...DEFAULT_PROTECTION, ...protection }
      })
  reportMismatches(app, (sentence) => t.fail(sentence))
  if (!isShared) t.teardown(() => app.close())
  return { app, call: callOf(app) }
}

/** Listens on a free port; returns the URL of the root, without a slash at its end. */
export async function listen(app: App): Promise<string> {
  const address = app.server.address() as AddressInfo | null
  return address === null ? app.listen({ host: '127.0.0.1', port: 0 }) : `http://127.0.0.1:${address.port}`
}

/** Replaces a service that the test does not pass; using it throws an error that names it. */
function absent<Service extends object>(name: string): Service {
  const get = (given: Service, property: string | symbol) => {
    if (property in given) return Reflect.get(given, property)
    throw new Error(`This test has no ${name}`)
  }
  return new Proxy({} as Service, { get })
}

export interface TestDepot extends BareDepot {
  readonly access: AccessServices
  readonly app: App
  readonly call: Call
  readonly tasks: TaskReader
  readonly imports: SweepingImportCommands
  /** Runs what waits of a kind, one after the other, to its end. */
  run(kind: TaskKind): Promise<void>
  /** Imports files through the API; `query` is what stands behind the path. */
  import(files: Files, query?: string): Promise<LightMyRequestResponse>
  /** The files of the repository with their content, hidden ones too, by path. */
  files(): Record<string, string>
  /** Exports through the API, packs the archive, and gives back the task's number and the archive's name. */
  export(body?: object, filetypes?: string): Promise<{ taskid: number; name: string }>
}

/** What has come in is imported before the answer. */
function importingAtOnce(depot: BareDepot, commands: ImportCommands): ImportCommands {
  return {
    ...commands,
    // Looked up late: a test may want to know of it.
    abandonUpload: (upload) => commands.abandonUpload(upload),
    async finishUpload(upload) {
      const accepted = await commands.finishUpload(upload)
      if (!accepted.isWaiting) await runQueued(depot, 'import')
      return accepted
    }
  }
}

/** An app over a real database and a repository with these files, which has been read already. */
export async function openTestDepot(
  t: Test,
  files: Files,
  commands: Partial<TaskCommandsOptions & ImportCommandsOptions> = {},
  certificates?: CertificateSource,
  protection?: Partial<Protection>
): Promise<TestDepot> {
  const clock = commands.now ?? (() => new Date())
  const depot = await makeDepot(t, files)
  const { db, repositoryDirectory } = depot
  const [tasks, catalog] = [createTaskStore(db), createCatalogStore(db)]
  const imports = makeImportCommands(depot, commands)
  const access = await makeLogins(db, clock)
  const { userCommands, ...logins } = access
  await addUser(access, USER, 'admin', PASSWORD)
  const numbers = createStatisticsStore(db)
  const statistics = createStatistics({
    ...depot,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    workers: () => [],
    now: clock
  })
  const { app, call } = await buildTestApp(
    t,
    {
      commands: {
        ...makeCommands(depot, commands),
        ...importingAtOnce(depot, imports),
        ...userCommands,
        recordEvent: (event) => appendEvents(db, [event])
      },
      uploads: createIncomingDirectory(repositoryDirectory).sink,
      tasks,
      plans: createPlanStore(db),
      catalog,
      files: createRepositoryFiles(repositoryDirectory),
      archives: createArchives({
        store: createArchiveStore(db),
        storage: openArchiveStorage(depot),
        plans: createPlanStore(db),
        files: createRepositoryFiles(repositoryDirectory)
      }),
      async space() {
        const usedBytes = await catalog.usedBytes()
        return { usedBytes, allotmentBytes: ALLOTMENT_BYTES, freeBytes: ALLOTMENT_BYTES - usedBytes }
      },
      health: async () => [],
      auditTrail: createAuditReader(db),
      status: async () => ({ ...(await statistics()), ended: await numbers.ended(), checks: [], startedAt: clock() }),
      metrics: {
        contentType: 'text/plain',
        recordRequest() {},
        // Made when a test wants them: they watch the process.
        read: () => createMetrics({ version: '', store: numbers, lastEndNumber: 0, statistics, now: clock }).read()
      },
      sessions: createSessions({
        reader: createSessionReader(db),
        commands: createSessionCommands(db),
        timeoutMs: SESSION_TIMEOUT_MS,
        now: clock
      }),
      ...logins
    },
    certificates,
    protection
  )

  await depot.scan()
  return {
    ...depot,
    access,
    app,
    call,
    tasks,
    imports,
    run: (kind) => runQueued(depot, kind),
    import: (files, query = '') => call(`${IMPORT}${query}`, { method: 'POST', ...filesBody(files) }),
    files: () => contentsOf(repositoryDirectory),
    async export(payload = {}, filetypes = 'all') {
      const url = `/updateRepositories/firmware?action=export&filetypes=${filetypes}`
      const accepted = (await call(url, { method: 'PUT', payload })).json()
      await runQueued(depot, 'export')
      const status = (await call(`/updateRepositories/firmware/status?taskid=${accepted.taskid}`)).json()
      if (status.state !== 'complete') throw new Error(`The export ended as ${status.state}: ${status.message}`)
      return { taskid: accepted.taskid, name: status.current }
    }
  }
}
