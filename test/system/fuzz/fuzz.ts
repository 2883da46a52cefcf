/**
 * The contract fuzzer: sends valid, nearly valid and hostile requests for all operations of the server's OpenAPI
 * description, and checks every answer against it. Equal seeds make equal choices; the values to choose from depend on
 * the answers of the server.
 */
import fs from 'node:fs'
import net from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import fc from 'fast-check'
import { checkerOf, type OpenApi } from '../../support/api/answer-checker.ts'
import { openConnection } from './connection.ts'
import { judge, judgeMalformed } from './judge.ts'
import { type FuzzRequest, makeRequest, type RequestContext } from './make-request.ts'
import { malformedRequest } from './malformed.ts'
import { operationsOf, resolverOf } from './operations.ts'
import type { Generator } from './values.ts'
import { createWorld } from './world.ts'

export interface FuzzOptions {
  readonly url: string
  /** The header Authorization of an administrator. */
  readonly authorization: string
  readonly requests: number
  readonly seed: number
  /** The process id of the server, if it runs on this machine. */
  readonly pid?: number | undefined
  readonly onProgress?: (done: number) => void
}

export interface FuzzReport {
  readonly requests: number
  readonly seconds: number
  /** How often each status was answered. */
  readonly statuses: Readonly<Record<string, number>>
  /** Operations with at least one successful answer. */
  readonly succeeded: ReadonlySet<string>
  readonly operations: readonly string[]
  /** Each failure once, with a request that causes it. */
  readonly failures: readonly string[]
}

const CONNECTIONS = 24
const BATCH = 50
/** Batches of one connection: about a thousand requests of all connections. */
const FORGET_AFTER_BATCHES = 1
const MAX_TASKS = 100
const FORGOTTEN_AT_ONCE = 50

/** The share of requests that are malformed bytes. */
const MALFORMED_PERCENT = 2
const MAX_FAILURES = 30
const WARM_UP_REQUESTS = 2_000
/** The wait for the answer to malformed bytes. A server that waits for more bytes waits longer. */
const MALFORMED_WAIT_MS = 250

/** Each expensive request is made at most once per this number of requests. */
const COSTS = { import: 400, scan: 1_000, stream: 60, whole: 250 } as const

const GUEST = 'guest'

interface OwnToken {
  readonly id: string
  readonly token: string
}

export async function fuzz({ url, authorization, requests, seed, pid, onProgress }: FuzzOptions): Promise<FuzzReport> {
  const description = (await (await fetch(`${url}/openapi.json`, { headers: { authorization } })).json()) as OpenApi
  const checker = checkerOf(description)
  const operations = operationsOf(description)
  let login = authorization
  const call = (method: string, path: string, body?: object) =>
    fetch(url + path, {
      method,
      headers: { authorization: login, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) })
    })
  const own = (await (await call('POST', '/api/v1/tokens', { name: 'fuzz', role: 'admin' })).json()) as OwnToken
  // Fuzzed logins use another user than the owner of the token: after so many wrong passwords, logins have to wait.
  // Both have the same password, so that a request that sets it changes nothing.
  const [user = '', password = ''] = Buffer.from(authorization.slice('Basic '.length), 'base64').toString().split(':')
  await call('POST', '/api/v1/users', { name: GUEST, password, role: 'operator' })
  login = `Bearer ${own.token}`
  const world = createWorld({ user: GUEST, password }, own.id)
  const { host } = new URL(url)
  const ownPath = new RegExp(`/users/+${user}(?![a-z])`, 'i')
  let done = 0
  const spent = { import: 0, scan: 0, stream: 0, whole: 0 }
  const context: RequestContext = {
    operations,
    resolve: resolverOf(description),
    world,
    host,
    authorization: login,
    password: authorization,
    mayCost(what) {
      if (spent[what] > done / COSTS[what]) return false
      spent[what] += 1
      return true
    }
  }
  const failures = new Map<string, string>()
  const statuses: Record<string, number> = {}
  const succeeded = new Set<string>()

  const fail = (subject: string, wrong: string, request: Buffer) => {
    if (failures.size >= MAX_FAILURES || failures.has(subject + wrong)) return
    failures.set(
      subject + wrong,
      `${subject} ${wrong}\n    ${JSON.stringify(request.toString('latin1').slice(0, 1_500))}`
    )
  }

  async function send(connection: ReturnType<typeof openConnection>, request: FuzzRequest): Promise<void> {
    // The server would carry this request out, and refuse all later ones, if another administrator exists.
    if (request.method !== 'GET' && ownPath.test(request.target)) return
    const bytes = bytesOf(request)
    const { method, target } = request
    const operationId = checker.operationOf(method, target.split('?', 1)[0] ?? '')
    const subject = `${method} ${operationId ?? target.split('?', 1)[0]?.slice(0, 80)}`
    try {
      const answer = await connection.ask(bytes, method === 'HEAD')
      const wrong = judge(checker, request, answer)
      if (wrong !== undefined) fail(subject, wrong, bytes)
      if (answer === undefined) return
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
      const [session] = world.sessions
      if (answer.status === 401 && session !== undefined && bytes.includes(session.token)) world.forgetSession()
      if (answer.status < 300 && operationId !== undefined) succeeded.add(operationId)
      if (answer.status < 300 && answer.body !== undefined) world.learn(answer.body)
    } catch (error) {
      fail(subject, (error as Error).message, bytes)
    }
  }

  async function sendMalformed(bytes: Buffer): Promise<void> {
    const wrong = judgeMalformed(checker, await answersTo(url, bytes))
    if (wrong !== undefined) fail('malformed bytes', wrong, bytes)
  }

  /** Each connection has its own requests, independent of the speed of the others. */
  async function runConnection(index: number): Promise<void> {
    const connection = openConnection(url)
    const count = Math.ceil((requests - index) / CONNECTIONS)
    for (let sent = 0; sent < count; ) {
      const size = Math.min(BATCH, count - sent)
      const made = fc.sample(
        fc.gen().map((g) => makeOne(g)),
        { seed: seed + index * 1_000_003 + sent, numRuns: size }
      )
      for (const one of made) {
        await (Buffer.isBuffer(one) ? sendMalformed(one) : send(connection, one))
        done += 1
      }
      sent += size
      if (index === 0 && (sent / BATCH) % FORGET_AFTER_BATCHES === 0) await forgetTasks()
      onProgress?.(done)
    }
    connection.close()
  }

  /** Sends requests, and ignores the answers. */
  async function warmUp(index: number): Promise<void> {
    const connection = openConnection(url)
    const options = {
      seed: seed - 1 - index,
      numRuns: Math.ceil(Math.min(requests / 10, WARM_UP_REQUESTS) / CONNECTIONS)
    }
    for (const one of fc.sample(
      fc.gen().map((g) => makeRequest(g, context)),
      options
    )) {
      await connection.ask(bytesOf(one), one.method === 'HEAD').catch(() => {})
    }
    connection.close()
  }

  const makeOne = (g: Generator): FuzzRequest | Buffer =>
    g(fc.nat, 99) < MALFORMED_PERCENT ? malformedRequest(g, host) : makeRequest(g, context)

  /** Deletes old tasks: without it the lists of tasks would grow, and slow the run down. */
  async function forgetTasks(): Promise<void> {
    const tasks = (await (await call('GET', '/jobs')).json()) as { id: string | number }[]
    for (let start = 0; start < tasks.length - MAX_TASKS; start += FORGOTTEN_AT_ONCE) {
      const ids = tasks.slice(start, start + FORGOTTEN_AT_ONCE).map(({ id }) => id)
      await call('DELETE', `/tasks/${ids.join(',')}`)
    }
  }

  /** Learns packages, exports, tasks and problems for later requests. */
  async function learnWorld(): Promise<void> {
    await call('POST', '/api/v1/exports', { all: true })
    for (const path of ['/api/v1/packages?limit=200', '/api/v1/exports', '/tasks', '/api/v1/problems?limit=2']) {
      world.learn(Buffer.from(await (await call('GET', path)).arrayBuffer()))
    }
  }

  /** Cancels all tasks in progress, and waits until they have ended. */
  async function settle(): Promise<void> {
    for (;;) {
      const status = (await (await call('GET', '/updateRepositories/firmware/status?taskid=0')).json()) as {
        taskIds?: string
      }
      const ids = (status.taskIds ?? '').split(',').filter((id) => id !== '')
      if (ids.length === 0) return
      await call('DELETE', `/tasks/${ids.slice(0, 100).join(',')}`)
      await wait(50)
    }
  }

  await learnWorld()
  await settle()
  // Memory that the first requests allocate permanently is no leak.
  if (pid !== undefined) await Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => warmUp(index)))
  const before = pid === undefined ? undefined : await resourcesOf(pid)
  const started = performance.now()
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => runConnection(index)))
  const seconds = (performance.now() - started) / 1000
  await settle()
  if (pid !== undefined && before !== undefined) {
    const wrong = await findLeak(pid, before)
    if (wrong !== undefined) failures.set('resources', wrong)
  }
  const names = [...new Set(operations.map(({ operationId }) => operationId))]
  return { requests: done, seconds, statuses, succeeded, operations: names, failures: [...failures.values()] }
}

function bytesOf({ method, target, headers, body }: FuzzRequest): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}`)
  return Buffer.concat([Buffer.from([`${method} ${target} HTTP/1.1`, ...lines, '', ''].join('\r\n')), body])
}

/** Sends bytes on a new connection, ends it, and reads the answer until the server closes it. */
async function answersTo(url: string, bytes: Buffer) {
  const { hostname, port } = new URL(url)
  const socket = net.connect(Number(port), hostname)
  const chunks: Buffer[] = []
  socket.on('error', () => {})
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.setTimeout(MALFORMED_WAIT_MS, () => socket.destroy())
  socket.end(bytes)
  await new Promise((resolve) => socket.once('close', resolve))
  const text = Buffer.concat(chunks).toString('latin1')
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1])
  if (Number.isNaN(status)) return []
  const contentType = /^content-type: *(.*)$/im.exec(head)?.[1]?.trim() ?? ''
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
  const body = Buffer.from(rest.join('\r\n\r\n').slice(0, length), 'latin1')
  return [{ status, headers: { 'content-type': contentType }, body }]
}

interface Resources {
  readonly descriptors: number
  readonly rssBytes: number
}

/**
 * Growth that the allocator and the garbage collectors of the threads may cause: 60 MiB after 7,000 requests, 85 after
 * 28,000. Two hundred thousand requests that leak a kilobyte each exceed this limit.
 */
const SPARE_BYTES = 160 * 1024 * 1024
const SPARE_DESCRIPTORS = 4
const RETURN_MS = 20_000

async function resourcesOf(pid: number): Promise<Resources> {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8')
  return {
    descriptors: fs.readdirSync(`/proc/${pid}/fd`).length,
    rssBytes: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024
  }
}

async function findLeak(pid: number, before: Resources): Promise<string | undefined> {
  const end = performance.now() + RETURN_MS
  for (;;) {
    const now = await resourcesOf(pid)
    const hasDescriptors = now.descriptors <= before.descriptors + SPARE_DESCRIPTORS
    if (hasDescriptors && now.rssBytes <= before.rssBytes + SPARE_BYTES) return undefined
    if (performance.now() > end) {
      return (
        `The server had ${before.descriptors} descriptors and ${before.rssBytes} bytes of memory before, ` +
        `and has ${now.descriptors} and ${now.rssBytes} now`
      )
    }
    await wait(100)
  }
}
