/**
 * Records requests in the audit trail: all that are not safe, logins, whatever is refused for want of rights, and
 * downloads. What somebody has done is recorded before it is answered. What is refused is answered without waiting: how
 * long that takes must not tell whether a user exists.
 */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AuditEvent } from '../../core/accounts/audit.ts'
import { networkOf } from '../../core/accounts/network-of.ts'
import { Problem } from '../../core/problems/problem.ts'
import type { Services } from '../services.ts'
import { createRepeats, MINUTE_MS, SWEEP_MS } from './audit-repeats.ts'
import { type AuditIdentity, actionOf, claimedName, identityOf, targetsOf } from './audit-subject.ts'
import { toProblem } from './errors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What the audit trail has to know of the request at its end. */
    audit: { isValid: boolean; isRecorded: boolean; problem: string; taskId: number } | null
    /**
     * Records a download before its first byte is sent.
     * @throws Problem AUDIT_UNAVAILABLE; then nothing may be sent
     */
    recordDownload: (status: number) => Promise<void>
  }
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** Not logged in, not allowed, not now. */
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 429])

/** Callers that are not known can be many. Those that are known have names and roles. */
const UNKNOWN_CALLERS = 200
const KNOWN_CALLERS = 10_000

/** What an answer has of its success, when it becomes another one. */
const HEADERS_OF_SUCCESS = ['set-cookie', 'location', 'jobids']

type AuditServices = Pick<Services, 'commands' | 'isUser'>

/**
 * Call it before any route is registered, and after what sets cookies: an answer that becomes another one must not have
 * them.
 */
export function registerAudit(app: FastifyInstance, { commands, isUser }: AuditServices): void {
  const record = (event: AuditEvent) => commands.recordEvent(event)
  const options = { record, now: () => performance.now() }
  // Who comes from ever new addresses gets no new record for each of them.
  const unknownCallers = createRepeats({ ...options, limit: UNKNOWN_CALLERS, forgetMs: 60 * MINUTE_MS })
  const knownCallers = createRepeats({ ...options, limit: KNOWN_CALLERS, forgetMs: MINUTE_MS })
  const logFailure = (error: unknown) => app.log.error({ err: error }, 'the audit trail cannot be written')

  const sweep = () => Promise.all([unknownCallers.sweep(), knownCallers.sweep()]).catch(logFailure)
  const timer = setInterval(sweep, SWEEP_MS).unref()
  app.addHook('onClose', async () => {
    clearInterval(timer)
    await Promise.all([unknownCallers.close(), knownCallers.close()]).catch(logFailure)
  })

  function eventOf(request: FastifyRequest, status: number, { user, credential }: AuditIdentity): AuditEvent {
    const { isValid, problem, taskId } = stateOf(request)
    const task = taskId > 0 ? [`task:${taskId}`] : []
    return {
      time: new Date(),
      user,
      credential,
      address: request.ip,
      requestId: request.id,
      action: actionOf(request),
      // Of callers nobody knows, nothing is repeated.
      targets: credential !== 'none' && isValid ? [...task, ...targetsOf(request)] : [],
      status,
      problem: status < 400 ? '' : problem,
      count: 1
    }
  }

  /** Resolves when what has to be on the disk before the answer is there: nothing, for what is refused. */
  async function recordEnd(request: FastifyRequest, status: number): Promise<void> {
    const identity = identityOf(request, status)
    if (identity !== undefined && !REFUSALS.has(status)) return record(eventOf(request, status, identity))
    recordRefusal(request, status, identity).catch(logFailure)
  }

  async function recordRefusal(request: FastifyRequest, status: number, known?: AuditIdentity): Promise<void> {
    const event = eventOf(request, status, known ?? (await nobody(request)))
    await (known === undefined ? unknownCallers : knownCallers).take(keyOf(event), event)
  }

  /** A name that no user has is not repeated: it may be a password that was typed into the wrong field. */
  async function nobody(request: FastifyRequest): Promise<AuditIdentity> {
    const name = claimedName(request)
    return { user: name !== undefined && (await isUser(name)) ? name : '', credential: 'none' }
  }

  app.decorateRequest('audit', null)
  app.decorateRequest('recordDownload', async function (this: FastifyRequest, status: number) {
    const state = stateOf(this)
    const identity = identityOf(this, status)
    if (this.method !== 'GET' || identity === undefined) return
    const event = eventOf(this, status, identity)
    await knownCallers.take(keyOf(event), event).catch((cause) => {
      throw unrecorded('The download', cause)
    })
    state.isRecorded = true
  })

  // Only on routes that change something: the answers to polls cost nothing more.
  app.addHook('onRoute', (route) => {
    if ([route.method].flat().some((method) => SAFE_METHODS.has(method))) return
    const preSerialization = route.preSerialization ?? []
    route.preSerialization = [
      ...[preSerialization].flat(),
      (request, _reply, payload, done) => {
        stateOf(request).taskId = taskIdIn(request, payload)
        done(null, payload)
      }
    ]
  })
  app.addHook('preHandler', (request, _reply, done) => {
    stateOf(request).isValid = true
    done()
  })
  app.addHook('onError', (request, _reply, error: FastifyError, done) => {
    stateOf(request).problem = toProblem(error)?.code ?? 'INTERNAL'
    done()
  })
  app.addHook('onSend', (request, reply, payload, done) => {
    const { statusCode } = reply
    if (!isOfInterest(request, statusCode)) return done(null, payload)
    stateOf(request).isRecorded = true
    recordEnd(request, statusCode).then(
      () => done(null, payload),
      (error) => {
        logFailure(error)
        if (statusCode >= 400) done(null, payload)
        else done(asUnrecorded(reply, error))
      }
    )
  })
}

function isOfInterest(request: FastifyRequest, status: number): boolean {
  if (request.audit?.isRecorded) return false
  return !SAFE_METHODS.has(request.method) || REFUSALS.has(status)
}

function stateOf(request: FastifyRequest): NonNullable<FastifyRequest['audit']> {
  request.audit ??= { isValid: false, isRecorded: false, problem: request.is404 ? 'ROUTE_UNKNOWN' : '', taskId: 0 }
  return request.audit
}

/** What makes requests equal, as far as the trail is concerned. */
function keyOf({ user, credential, address, action, targets, status, problem }: AuditEvent): string {
  return JSON.stringify([user, credential, networkOf(address), action, targets, status, problem])
}

/** The task that an answer names, in the words of either door; 0 for none. */
function taskIdIn(request: FastifyRequest, payload: unknown): number {
  if (typeof payload !== 'object' || payload === null) return 0
  const { taskid, jobid, id } = payload as { taskid?: unknown; jobid?: unknown; id?: unknown }
  const isExport = request.routeOptions.schema?.operationId === 'createExport'
  const found = [taskid, jobid, isExport ? id : undefined].find((value) => typeof value === 'number')
  return Number(found ?? 0)
}

function unrecorded(what: string, cause: unknown): Problem {
  return new Problem('AUDIT_UNAVAILABLE', `${what} cannot be recorded in the audit trail.`, { cause })
}

/** The answer becomes another one: what it had of its own goes. */
function asUnrecorded(reply: FastifyReply, cause: unknown): Problem {
  for (const name of HEADERS_OF_SUCCESS) reply.removeHeader(name)
  // Fastify's own way to have none; its types do not know it.
  reply.serializer(null as never)
  return unrecorded('The request', cause)
}
