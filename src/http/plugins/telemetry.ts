/**
 * For every request: sets its id in the answer, and writes a log line and counts it at its end. Register it before all
 * routes.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import type { AnsweredRequest, Metrics } from '../../core/tasks/telemetry.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Clients poll the route: its successes are logged at level debug. */
    isPolled?: boolean
  }

  interface FastifyRequest {
    /** The id of the task that the request created; 0: none. */
    taskId: number
  }
}

export const REQUEST_ID_HEADER = 'x-request-id'

/** At most 64 characters, none of which needs escaping in a header, a log line or a URL. */
const SAFE_ID = /^[A-Za-z0-9._-]{1,64}$/

/**
 * For Fastify's `genReqId`: the id names a request in its answer and in every log line about it. A safe id that the
 * client sends is used unchanged; otherwise the id is unique across requests and servers.
 */
export function requestIds(): (request: Pick<IncomingMessage, 'headers'>) => string {
  const prefix = randomBytes(6).toString('hex')
  let count = 0
  return ({ headers }) => {
    const given = headers[REQUEST_ID_HEADER]
    if (typeof given === 'string' && SAFE_ID.test(given)) return given
    count += 1
    return `${prefix}-${count.toString(36)}`
  }
}

export interface Observers {
  readonly metrics?: Pick<Metrics, 'recordRequest'> | undefined
}

/** Suppresses Fastify's log lines for every request: the line written here has more facts, and no URL. */
export class QuietLogController extends LogController {
  override incomingRequest(): void {}
  override requestCompleted(): void {}
}

export function registerObservers(app: FastifyInstance, { metrics }: Observers): void {
  app.decorateRequest('taskId', 0)
  app.addHook('onRequest', (request, reply, done) => {
    reply.header(REQUEST_ID_HEADER, request.id)
    const started = performance.now()
    let hasEnded = false
    const end = (isCut: boolean) => {
      if (hasEnded) return
      hasEnded = true
      const { url: route = '', config } = request.routeOptions
      const seconds = (performance.now() - started) / 1000
      const answered = { method: request.method, route, status: reply.raw.statusCode, seconds, isCut }
      metrics?.recordRequest(answered)
      writeLine(request, reply, answered, config.isPolled === true)
    }
    // Fastify's onResponse hook does not run when the client disconnects before the answer is complete.
    reply.raw.once('finish', () => end(false))
    reply.raw.once('close', () => end(true))
    done()
  })
}

/** Logs neither the URL, which can contain secrets, nor headers, nor bodies. */
function writeLine(request: FastifyRequest, reply: FastifyReply, answered: AnsweredRequest, isPolled: boolean): void {
  const { method, route, status, seconds, isCut } = answered
  const level = isPolled && status < 400 ? 'debug' : 'info'
  if (!isWritten(request, level)) return
  const bytes = Number(reply.getHeader('content-length'))
  request.log[level](
    {
      method,
      route,
      status,
      ms: Math.round(seconds * 1e6) / 1000,
      address: request.ip,
      ...(request.userName && { user: request.userName }),
      ...(Number.isFinite(bytes) && { bytes }),
      ...(request.taskId > 0 && { taskId: request.taskId })
    },
    isCut ? 'request cut' : 'request finished'
  )
}

/** False: the line would be discarded, so it is not composed. */
function isWritten({ log }: FastifyRequest, level: 'debug' | 'info'): boolean {
  return 'isLevelEnabled' in log && typeof log.isLevelEnabled === 'function' ? log.isLevelEnabled(level) : true
}
