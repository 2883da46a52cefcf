/**
 * Records requests in the audit trail: those with unsafe methods, logins, refusals (401, 403, 429) and downloads. An
 * accepted request is recorded before it is answered. A refused one is answered without waiting: the time of the answer
 * must not reveal whether a user exists.
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
    /** Facts that the record at the end of the request needs. */
    audit: { isValid: boolean; isRecorded: boolean; problem: string; taskId: number } | null
    /**
     * Records a download before its first byte is sent.
     * @throws Problem AUDIT_UNAVAILABLE; then the caller must send nothing
     */
    recordDownload: (status: number) => Promise<void>
  }
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** Not logged in, not allowed, too many. */
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 429])

/** Maximum numbers of different refusals: unknown callers can produce many, known ones have names and roles. */
const UNKNOWN_CALLERS = 200
const KNOWN_CALLERS = 10_000

/** Headers of a successful answer, removed when an error replaces it. */
const HEADERS_OF_SUCCESS = ['set-cookie', 'location', 'jobids']

type AuditServices = Pick<Services, 'commands' | 'isUser'>

/**
 * Call it before any route is registered, and after the plugin that sets cookies: an error that replaces an answer must
 * not set them.
 */
export function registerAudit(app: FastifyInstance, { commands, isUser }: AuditServices): void {
  const record = (event: AuditEvent) => commands.recordEvent(event)
  const options = { record, now: () => performance.now() }
  // The limit also bounds the records of a caller that uses many addresses.
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
      // Nothing that an unknown caller sends is recorded.
      targets: credential !== 'none' && isValid ? [...task, ...targetsOf(request)] : [],
      status,
      problem: status < 400 ? '' : problem,
      count: 1
    }
  }

  /** Resolves when the record is durable; at once for a refusal. */
  async function recordEnd(request: FastifyRequest, status: number): Promise<void> {
    const identity = identityOf(request, status)
    if (identity !== undefined && !REFUSALS.has(status)) return record(eventOf(request, status, identity))
    recordRefusal(request, status, identity).catch(logFailure)
  }

  async function recordRefusal(request: FastifyRequest, status: number, known?: AuditIdentity): Promise<void> {
    const event = eventOf(request, status, known ?? (await unknownCaller(request)))
    await (known === undefined ? unknownCallers : knownCallers).take(keyOf(event), event)
  }

  /** An unknown user name is not recorded: it can be a password typed into the wrong field. */
  async function unknownCaller(request: FastifyRequest): Promise<AuditIdentity> {
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

/** Equal keys make requests repetitions of each other. */
function keyOf({ user, credential, address, action, targets, status, problem }: AuditEvent): string {
  return JSON.stringify([user, credential, networkOf(address), action, targets, status, problem])
}

/** The task id in an answer of either API; 0: none. */
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

/** The error that replaces an answer; removes the headers of its success. */
function asUnrecorded(reply: FastifyReply, cause: unknown): Problem {
  for (const name of HEADERS_OF_SUCCESS) reply.removeHeader(name)
  // Fastify accepts null for no serializer; its types do not.
  reply.serializer(null as never)
  return unrecorded('The request', cause)
}
