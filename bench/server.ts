/** The real server in its own process, on a repository of the bench, and the parts of its API that the bench uses. */
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Workspace } from './workspace.ts'

export interface Server {
  readonly pid: number
  /** Base URL of its API. */
  readonly address: string
  /** Of the repository. */
  readonly url: string
  /** A value for the header of that name. */
  readonly authorization: string
  /** `name:password`, as for curl. */
  readonly login: string
  readonly archivesDirectory: string
  /** One request of the API. @throws Error with the response, unless that is a success */
  call<Answer>(method: string, path: string, body?: object): Promise<Answer>
  /** Creates a user who may export, and returns the value of the authorization header. */
  addExporter(name: string): Promise<string>
  /**
   * Starts an export of these packages, or of all of them, and returns the id of the task. The default user is the
   * administrator.
   */
  requestExport(fixids?: readonly string[], authorization?: string): Promise<number>
  /** Resolves when the task is completed, with the name of its archive. */
  waitForTask(id: number): Promise<string>
  /** Packs these packages, or all of them; resolves when that is done, with the seconds that it took. */
  exportWhole(fixids?: readonly string[]): Promise<number>
  /** Deletes all archives, so that the next export packs again. */
  removeArchives(): void
  /** Reads the repository again; resolves when that is done, with the seconds that it took. */
  readAgain(): Promise<number>
  /** Removes a package from the repository. */
  deletePackage(fixid: string): Promise<void>
  /** Resolves when nothing is left to do. */
  waitUntilIdle(): Promise<void>
  stop(): Promise<void>
}

interface Status {
  readonly state: string
  readonly progress: number
  readonly current: string
  readonly message: string
}

const USER = 'bench'
const PASSWORD = 'bench-password'
const LOGIN = `${USER}:${PASSWORD}`
const REPOSITORY = '/updateRepositories/firmware'
const POLL_INTERVAL_MS = 10
const START_TIMEOUT_MS = 30_000
const PROJECT = path.join(import.meta.dirname, '..')

/**
 * What an installed package and the container run: Node, its options, and the file to start, which `npm run bench`
 * builds.
 */
export const START_COMMAND = 'node --max-semi-space-size=2 dist/src/main.js'

/** The command in a checkout without a build. */
export const CHECKOUT_COMMAND = 'node --max-semi-space-size=2 src/main.ts'

function startArguments(command: string): string[] {
  const [, ...args] = command.split(' ')
  return args.map((argument) => (argument.startsWith('-') ? argument : path.join(PROJECT, argument)))
}

function basic(login: string): string {
  return `Basic ${Buffer.from(login).toString('base64')}`
}

/**
 * Starts a server with a new database. When this resolves, its first scan is running.
 * @param settings variables of the environment, in addition to those of every server of the bench
 * @param command to run in the project
 */
export async function startServer(
  workspace: Workspace,
  repositoryDirectory: string,
  settings: Readonly<Record<string, string>> = {},
  command = START_COMMAND
): Promise<Server> {
  const directory = fs.mkdtempSync(path.join(workspace.directory, 'server-'))
  const port = await freePort()
  const logFile = path.join(directory, 'server.log')
  const log = fs.openSync(logFile, 'w')
  const child = workspace.spawn(process.execPath, startArguments(command), {
    // Not in the project's directory: an .env file there belongs to the developer.
    cwd: directory,
    stdio: ['ignore', log, log],
    env: {
      ...withoutSettings(process.env),
      FIXDEPOT_TLS: 'off',
      FIXDEPOT_PORT: String(port),
      FIXDEPOT_DATA_DIR: path.join(directory, 'data'),
      FIXDEPOT_REPOSITORY_DIR: repositoryDirectory,
      FIXDEPOT_ADMIN_USER: USER,
      FIXDEPOT_ADMIN_PASSWORD: PASSWORD,
      ...settings
    }
  })
  fs.closeSync(log)
  const exited = once(child, 'exit')
  const address = `http://127.0.0.1:${port}`
  await waitUntilLive(address, () => child.exitCode !== null).catch((cause) => {
    throw new Error(`The server did not start: ${fs.readFileSync(logFile, 'utf8')}`, { cause })
  })
  if (child.pid === undefined) throw new Error('The server has no process')

  const url = address + REPOSITORY
  const authorization = basic(LOGIN)
  const call = async <Answer>(method: string, path: string, body?: object, as = authorization): Promise<Answer> => {
    const headers = { authorization: as, 'content-type': 'application/json' }
    const response = await fetch(address + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
    const answer = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}: ${answer}`)
    return JSON.parse(answer)
  }
  const ask = <Answer>(query: string, method: string, body?: object, as?: string) =>
    call<Answer>(method, REPOSITORY + query, body, as)
  const waitFor = async (query: string): Promise<Status> => {
    for (;;) {
      const status = await ask<Status>(`/status${query}`, 'GET')
      if (status.progress === 100 && status.state !== 'complete') throw new Error(`A task failed: ${status.message}`)
      if (status.progress === 100) return status
      await wait(POLL_INTERVAL_MS)
    }
  }
  const archivesDirectory = path.join(directory, 'data/archives')
  const requestExport = async (fixids: readonly string[] = [], as?: string) =>
    (await ask<{ taskid: number }>('?action=export', 'PUT', { fixids }, as)).taskid
  const waitForTask = async (id: number) => (await waitFor(`?taskid=${id}`)).current
  const timeTask = async (request: () => Promise<number>) => {
    const started = performance.now()
    await waitForTask(await request())
    return (performance.now() - started) / 1000
  }
  return {
    pid: child.pid,
    address,
    url,
    authorization,
    login: LOGIN,
    archivesDirectory,
    call,
    async addExporter(name) {
      await call('POST', '/api/v1/users', { name, password: PASSWORD, role: 'exporter' })
      return basic(`${name}:${PASSWORD}`)
    },
    requestExport,
    waitForTask,
    exportWhole: (fixids) => timeTask(() => requestExport(fixids)),
    removeArchives() {
      for (const name of fs.readdirSync(archivesDirectory)) fs.rmSync(path.join(archivesDirectory, name))
    },
    readAgain: () => timeTask(async () => (await ask<{ taskid: number }>('?action=read', 'PUT')).taskid),
    async deletePackage(fixid) {
      await ask('?action=delete&filetypes=all', 'PUT', { fixids: [fixid] })
    },
    async waitUntilIdle() {
      await waitFor('?taskid=0')
      // The scan process ends shortly after its task.
      while (hasChildren(child.pid ?? 0)) await wait(POLL_INTERVAL_MS)
    },
    async stop() {
      child.kill('SIGTERM')
      await exited
      fs.rmSync(directory, { recursive: true })
    }
  }
}

function hasChildren(pid: number): boolean {
  return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim() !== ''
}

/** A port without a listener. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('FIXDEPOT_')))
}

async function waitUntilLive(address: string, hasEnded: () => boolean): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  for (;;) {
    try {
      await fetch(`${address}/health/live`)
      return
    } catch (error) {
      if (hasEnded() || performance.now() > deadline) throw error
      await wait(POLL_INTERVAL_MS)
    }
  }
}
