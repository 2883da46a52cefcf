/** Sends requests to a server over kept-alive connections. Errors are sentences; a request can be retried. */
import http from 'node:http'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import tls from 'node:tls'
import { CommandError, EXIT, interrupted } from '../terminal/exit.ts'
import { ApiError, apiError, isTransient, unreachable } from './api-error.ts'
import type { Connection } from './connection.ts'
import { createLinkClient, type LinkClient } from './link-client.ts'

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With the query, relative to the URL of the server. */
  readonly path: string
  readonly headers?: http.OutgoingHttpHeaders
  /** Sent as JSON. */
  readonly json?: unknown
  /** Status codes, besides 2xx, that the caller handles. */
  readonly accept?: readonly number[]
  /** Writes the body; rejects when it cannot. The response may arrive before the end of the body. */
  readonly write?: (request: http.ClientRequest) => Promise<void>
}

export interface ApiClient {
  /** The URL of the server, for sentences. */
  readonly url: string
  /** @throws CommandError for a response that is an error, and for no response */
  json<Body>(request: ApiRequest): Promise<Body>
  /** A response whose body the caller reads or destroys. @throws CommandError as `json` */
  open(request: ApiRequest): Promise<http.IncomingMessage>
  /** As `open`, for a redirect of the server to its storage; the login is not sent. */
  openLink: LinkClient['open']
  /**
   * Repeats an idempotent request at growing intervals, so that the command survives a restart of the server. If the
   * server has never answered, the error is thrown at once: most likely the URL is wrong.
   */
  retryWithin<Result>(attempt: () => Promise<Result>): Promise<Result>
  close(): void
}

/** A connection without data ends after this time; the planning of a large export takes a while. */
const SILENCE_MS = 180_000
/** Longer than an upgrade of the server takes. */
const RETRY_MS = 180_000
const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 5_000

/** @param signal aborts the running requests */
export function createApiClient(connection: Connection, signal: AbortSignal): ApiClient {
  const { url, authorization, ca, insecure } = connection
  const isSecure = url.protocol === 'https:'
  const options = { keepAlive: true, timeout: SILENCE_MS }
  const agent = isSecure
    ? new https.Agent({
        ...options,
        rejectUnauthorized: !insecure,
        ...(insecure ? {} : { ca: ca ?? trustedBySystem() })
      })
    : new http.Agent(options)
  const server = url.href.replace(/\/$/, '')
  const common = { ...(authorization === undefined ? {} : { authorization }), 'user-agent': 'fixdepot' }

  function send({ method = 'GET', path, headers, json, write }: ApiRequest): Promise<http.IncomingMessage> {
    const body = json === undefined ? '' : JSON.stringify(json)
    const length = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    return new Promise((resolve, reject) => {
      const request = (isSecure ? https : http).request(server + path, {
        method,
        agent,
        signal,
        headers: { ...common, ...(json === undefined ? {} : length), ...headers }
      })
      const fail = (error: unknown) => reject(signal.aborted ? interrupted() : toError(error, server))
      request.once('response', resolve).on('error', fail)
      request.once('timeout', () => request.destroy(Object.assign(new Error('silence'), { code: 'ETIMEDOUT' })))
      if (write === undefined) request.end(body)
      else
        write(request).catch((error) => {
          fail(error)
          request.destroy()
        })
    })
  }

  const links = createLinkClient(connection, trustedBySystem, SILENCE_MS, signal)
  let hasAnswered = false

  async function open(request: ApiRequest): Promise<http.IncomingMessage> {
    const response = await send(request)
    hasAnswered = true
    const { statusCode: status = 0 } = response
    if ((status >= 200 && status < 300) || request.accept?.includes(status)) return response
    const body = await text(response).catch(() => '')
    throw withHint(apiError(status, body, response.headers['retry-after']), authorization)
  }

  return {
    url: server,
    open,
    openLink: links.open,

    async json<Body>(request: ApiRequest) {
      const response = await open(request)
      const body = await text(response).catch((error) => {
        throw signal.aborted ? interrupted() : unreachable(error, server)
      })
      return (body === '' ? undefined : parseJson(body, server)) as Body
    },

    async retryWithin(attempt) {
      const end = performance.now() + RETRY_MS
      for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
        try {
          return await attempt()
        } catch (error) {
          if (!hasAnswered || !isTransient(error) || performance.now() + waitMs > end) throw error
          const asked = error instanceof ApiError ? (error.retryAfter ?? 0) * 1000 : 0
          await pause(Math.min(Math.max(waitMs, asked), RETRY_MS), signal)
        }
      }
    },

    close() {
      agent.destroy()
      links.close()
    }
  }
}

/** @throws CommandError when the signal is aborted */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => {
    throw interrupted()
  })
}

/** Includes the authorities of the system: Node's own list seldom has those of a company. */
function trustedBySystem(): string[] {
  return [...tls.getCACertificates('default'), ...tls.getCACertificates('system')]
}

function toError(error: unknown, server: string): Error {
  return error instanceof CommandError ? error : unreachable(error, server)
}

function withHint(error: ApiError, authorization: string | undefined): ApiError {
  // Some routes redirect a request without a login to the documentation.
  if (![302, 401].includes(error.status) || authorization !== undefined) return error
  const recovery = 'Give --user or --token, set FIXDEPOT_USER and FIXDEPOT_PASSWORD, or write a profile.'
  return new ApiError(401, 'NOT_AUTHENTICATED', 'The server requires a login.', recovery, undefined)
}

function parseJson(body: string, server: string): unknown {
  try {
    return JSON.parse(body)
  } catch (cause) {
    const sentence = `The response from ${server} is not from fixdepot.`
    throw new CommandError(EXIT.unreachable, 'ANSWER_INVALID', sentence, '', { cause })
  }
}
