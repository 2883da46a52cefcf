/** Runs the real server as a child process. */
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
/** Log lines of level error or fatal. */
const SERIOUS = /"level":[56]0/

export const ADMIN_PASSWORD = 'a password for tests'

export interface ServerOptions {
  readonly dataDirectory: string
  readonly repositoryDirectory: string
  /** A PostgreSQL database; without it the database is a file in the data directory. */
  readonly databaseUrl?: string | undefined
  /** Further settings. The administrator has `ADMIN_PASSWORD` unless they name another password or `undefined`. */
  readonly settings?: Readonly<Record<string, string | undefined>>
  /** A program, with its arguments, that executes the server, such as `prlimit --fsize=…`. */
  readonly runBy?: readonly string[]
}

/** Makes the directories of a server, with these files in its repository. */
export function makeDirectories(
  t: Test,
  files: Files = {}
): Pick<ServerOptions, 'dataDirectory' | 'repositoryDirectory'> {
  // Without an earlier teardown tap removes the test's directory before its teardowns; the server must end first.
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
  /** All output so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  /** The URL of the server; rejects when the process ends before it listens. */
  readonly listening: Promise<string>
  readonly ended: Promise<Ending>
}

/** Runs `node src/main.ts` in a directory without a `.env`. The process ends with the test at the latest. */
export function spawnServer(t: Test, options: ServerOptions): ServerProcess {
  const [program = '', ...args] = [...(options.runBy ?? []), process.execPath, MAIN]
  const child = spawn(program, args, {
    cwd: path.dirname(options.dataDirectory),
    env: environment(options),
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
    })
  }
  const ended = once(child, 'close').then(([code, signal]): Ending => ({ code, signal }))
  const listening = new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      const [, url] = LISTENING.exec(messageOf(line)) ?? []
      if (url !== undefined) resolve(url)
    })
    ended.then(({ code }) => reject(new Error(`The server ended with code ${code}: ${output.stderr}`)))
  })
  // A test that expects the process to end early does not await this promise.
  listening.catch(() => {})
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
    const secret = secretsOf(options).find((one) => output.stdout.includes(one))
    if (secret !== undefined) throw new Error(`The log of the server contains a secret: ${secret}`)
  })
  return { child, stdout: () => output.stdout, stderr: () => output.stderr, listening, ended }
}

/** The cookies that the server has set, by its options. */
const seen = new WeakMap<ServerOptions, Set<string>>()

function secretsOf(options: ServerOptions): string[] {
  const password = options.settings?.FIXDEPOT_ADMIN_PASSWORD ?? ADMIN_PASSWORD
  return [POSTGRES_PASSWORD, password, basic('admin', password).slice('Basic '.length), ...(seen.get(options) ?? [])]
}

/** Session cookies are secrets too: the log must not contain them. */
function noteCookies(options: ServerOptions, response: Response): void {
  const cookies = response.headers.getSetCookie().map((cookie) => /^(?:JSESSIONID|csrf)=([^;]{8,})/.exec(cookie)?.[1])
  const known = seen.get(options) ?? new Set()
  for (const value of cookies) if (value !== undefined) known.add(value)
  seen.set(options, known)
}

function environment({ dataDirectory, repositoryDirectory, databaseUrl, settings }: ServerOptions): NodeJS.ProcessEnv {
  // Nothing is inherited: neither settings of the machine, nor the modules that tap loads into every process.
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

/** The answer of the status call, as far as tests read it. */
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
  /** Sends a request as the administrator. The test fails when the answer does not match the API's description. */
  call(path: string, init?: RequestInit): Promise<Response>
  /** The JSON answer of a request; rejects when the request does not succeed. */
  json<Body>(path: string, init?: RequestInit): Promise<Body>
  /** Starts an export, by default of everything. @returns the id of its task */
  export(body?: object): Promise<number>
  status(taskid: number): Promise<Status>
  /** Waits until a task has ended. @returns its last status */
  finished(taskid: number): Promise<Status>
  /** Sends the signal, and waits until the process has ended. */
  stop(signal?: NodeJS.Signals): Promise<Ending>
}

/** Starts a server, and waits until it has scanned its repository. */
export async function startServer(t: Test, options: ServerOptions): Promise<TestServer> {
  const server = spawnServer(t, options)
  const url = await server.listening
  const password = options.settings?.FIXDEPOT_ADMIN_PASSWORD ?? ADMIN_PASSWORD
  const authorization = basic('admin', password)
  const checker = checkerOf((await (await fetch(`${url}/openapi.json`)).json()) as OpenApi)
  // Not awaited: the test may have to see a state that lasts only a short time.
  async function check(method: string, to: string, response: Response): Promise<void> {
    const { status } = response
    const contentType = response.headers.get('content-type') ?? undefined
    // A truncated body is for the test to judge.
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
      const errors = server
        .stdout()
        .split('\n')
        .filter((line) => SERIOUS.test(line))
      const details = [`exit code ${exitCode}`, `signal ${signalCode}`, server.stderr(), ...errors].join('; ')
      throw new Error(`${to} was not answered: ${cause.cause}; ${details}`, { cause })
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
  await until('the repository is scanned', async () => (await statusOf('tasktype=READREPOSITORY')).state === 'complete')
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
