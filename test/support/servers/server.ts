/** The real server as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { checkerOf, isJson, type OpenApi } from '../api/answer-checker.ts'
import { basic } from '../api/app.ts'
import type { Files } from '../packages.ts'
import { until } from '../until.ts'
import { POSTGRES_PASSWORD } from './postgres.ts'

export { until } from '../until.ts'

const MAIN = path.join(import.meta.dirname, '../../../src/main.ts')
const LISTENING = /^Server listening at (https?:\/\/127\.0\.0\.1:\d+)$/
/** What the log calls an error, or worse. */
const SERIOUS = /"level":[56]0/

export const ADMIN_PASSWORD = 'a password for tests'

export interface ServerOptions {
  readonly dataDirectory: string
  readonly repositoryDirectory: string
  /** Of PostgreSQL, instead of a file in the data directory. */
  readonly databaseUrl?: string | undefined
  /** Further settings; a password is set unless this says another or `undefined`. */
  readonly settings?: Readonly<Record<string, string | undefined>>
  /** A program and its arguments that run the server in their own place, such as `prlimit --fsize=…`. */
  readonly runBy?: readonly string[]
}

/** Directories for a server, with these files in its repository. */
export function makeDirectories(
  t: Test,
  files: Files = {}
): Pick<ServerOptions, 'dataDirectory' | 'repositoryDirectory'> {
  // tap removes the test's directory before the teardowns, unless there was one already: the server is to end first.
  t.teardown(() => {})
  const root = t.testdir({ data: {}, repository: { ...files } })
  return { dataDirectory: path.join(root, 'data'), repositoryDirectory: path.join(root, 'repository') }
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface ServerProcess {
  readonly child: ChildProcess
  /** All that it has said so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  /** The root's URL; rejects when the process ends before it listens. */
  readonly listening: Promise<string>
  readonly ended: Promise<Ending>
}

/** Runs `node src/main.ts`, far from any `.env`. The process ends with the test at the latest. */
export function spawnServer(t: Test, options: ServerOptions): ServerProcess {
  const [program = '', ...args] = [...(options.runBy ?? []), process.execPath, MAIN]
  const child = spawn(program, args, {
    cwd: path.dirname(options.dataDirectory),
    env: environment(options),
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text
    })
  }
  const ended = once(child, 'close').then(([code, signal]): Ending => ({ code, signal }))
  const listening = new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      const [, url] = LISTENING.exec(messageOf(line)) ?? []
      if (url !== undefined) resolve(url)
    })
    ended.then(({ code }) => reject(new Error(`The server ended with code ${code}: ${said.stderr}`)))
  })
  // Whoever expects an early end does not look at it.
  listening.catch(() => {})
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
    const secret = secretsOf(options).find((one) => said.stdout.includes(one))
    if (secret !== undefined) throw new Error(`The log of the server has a secret in it: ${secret}`)
  })
  return { child, stdout: () => said.stdout, stderr: () => said.stderr, listening, ended }
}

/** What callers of this server keep to themselves, in the forms that it has on the wire. */
const seen = new WeakMap<ServerOptions, Set<string>>()

function secretsOf(options: ServerOptions): string[] {
  const password = options.settings?.FIXDEPOT_ADMIN_PASSWORD ?? ADMIN_PASSWORD
  return [POSTGRES_PASSWORD, password, basic('admin', password).slice('Basic '.length), ...(seen.get(options) ?? [])]
}

/** Cookies of sessions are secrets, too. */
function noteCookies(options: ServerOptions, response: Response): void {
  const cookies = response.headers.getSetCookie().map((cookie) => /^(?:JSESSIONID|csrf)=([^;]{8,})/.exec(cookie)?.[1])
  const known = seen.get(options) ?? new Set()
  for (const value of cookies) if (value !== undefined) known.add(value)
  seen.set(options, known)
}

function environment({ dataDirectory, repositoryDirectory, databaseUrl, settings }: ServerOptions): NodeJS.ProcessEnv {
  // Nothing else: neither settings of the machine nor what tap loads into every process of a test.
  return {
    PATH: process.env.PATH,
    FIXDEPOT_TLS: 'off',
    FIXDEPOT_PORT: '0',
    FIXDEPOT_DATA_DIR: dataDirectory,
    FIXDEPOT_REPOSITORY_DIR: repositoryDirectory,
    FIXDEPOT_ADMIN_PASSWORD: ADMIN_PASSWORD,
    FIXDEPOT_DATABASE_URL: databaseUrl,
    ...settings
  }
}

function messageOf(line: string): string {
  return line.startsWith('{') ? String(JSON.parse(line).msg) : ''
}

/** What tests read of the status call's answer. */
export interface Status {
  readonly state: string
  readonly progress: number
  readonly current: string
  readonly message: string
  readonly total: number
  readonly totalsize: number
  readonly downloadednum: number
  readonly downloadedsize: number
  readonly taskIds: string
}

export interface TestServer extends ServerProcess {
  readonly url: string
  /** A request with the administrator's password. An answer that the API's description does not fit fails the test. */
  call(path: string, init?: RequestInit): Promise<Response>
  /** The answer to a request that has to succeed. */
  json<Body>(path: string, init?: RequestInit): Promise<Body>
  /** Starts an export, by default of everything, and gives back the number of its task. */
  export(body?: object): Promise<number>
  status(taskid: number): Promise<Status>
  /** Waits until a task has ended, and gives back its last status. */
  finished(taskid: number): Promise<Status>
  /** Asks it to end, and waits until it has. */
  stop(signal?: NodeJS.Signals): Promise<Ending>
}

/** A server that listens and has read its repository. */
export async function startServer(t: Test, options: ServerOptions): Promise<TestServer> {
  const server = spawnServer(t, options)
  const url = await server.listening
  const password = options.settings?.FIXDEPOT_ADMIN_PASSWORD ?? ADMIN_PASSWORD
  const authorization = basic('admin', password)
  const checker = checkerOf((await (await fetch(`${url}/openapi.json`)).json()) as OpenApi)
  // Beside the test, which may have little time to see a state that passes.
  async function check(method: string, to: string, response: Response): Promise<void> {
    const { status } = response
    const contentType = response.headers.get('content-type') ?? undefined
    // A body that is cut is for the test to judge.
    const read = async () => response.clone().text()
    const body = isJson(contentType) && method !== 'HEAD' ? await read().catch(() => undefined) : undefined
    const operationId = checker.operationOf(method, to.split('?', 1)[0] ?? '')
    const answer = { status, contentType, body }
    const wrong = operationId === undefined ? checker.checkUnknown(answer) : checker.check(operationId, answer)
    if (wrong !== undefined) t.fail(`${method} ${to} was answered with ${status}, but ${wrong}.`)
  }
  const call: TestServer['call'] = async (to, init = {}) => {
    const response = await fetch(url + to, {
      ...init,
      headers: { authorization, ...(init.headers as Record<string, string>) }
    }).catch((cause) => {
      const { exitCode, signalCode } = server.child
      const serious = server
        .stdout()
        .split('\n')
        .filter((line) => SERIOUS.test(line))
      const fate = [`exit code ${exitCode}`, `signal ${signalCode}`, server.stderr(), ...serious].join('; ')
      throw new Error(`${to} was not answered: ${cause.cause}; ${fate}`, { cause })
    })
    noteCookies(options, response)
    check(init.method ?? 'GET', to, response)
    return response
  }
  async function json<Body>(to: string, init?: RequestInit): Promise<Body> {
    const response = await call(to, init)
    if (!response.ok) throw new Error(`${to} was answered with ${response.status}: ${await response.text()}`)
    return (await response.json()) as Body
  }
  const statusOf = (query: string) => json<Status>(`/updateRepositories/firmware/status?${query}`)
  await until('the repository is read', async () => (await statusOf('tasktype=READREPOSITORY')).state === 'complete')
  return {
    ...server,
    url,
    call,
    json,
    async export(body = {}) {
      const init = { method: 'PUT', body: JSON.stringify(body) }
      return (await json<{ taskid: number }>('/updateRepositories/firmware?action=export', init)).taskid
    },
    status: (taskid) => statusOf(`taskid=${taskid}`),
    async finished(taskid) {
      let last: Status | undefined
      await until(`task ${taskid} has ended`, async () => {
        last = await statusOf(`taskid=${taskid}`)
        return last.progress === 100
      })
      return last as Status
    },
    async stop(signal = 'SIGTERM') {
      server.child.kill(signal)
      return server.ended
    }
  }
}
