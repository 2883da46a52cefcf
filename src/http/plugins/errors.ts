/** Converts the errors of handlers into the error body of the API. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { hideUrlSecrets } from '../../core/problems/hide-secrets.ts'
import { Problem, toDatabaseProblem } from '../../core/problems/problem.ts'
import type { ProblemKind } from '../../core/problems/problem-catalogue.ts'
import { internalProblemBody, PROBLEM_TYPE, problemBody } from '../bodies/problem-body.ts'
import { type ErrorBody, errorBody } from '../bodies/result-body.ts'
import { REQUEST_ID_HEADER } from './telemetry.ts'

const STATUS: Readonly<Record<ProblemKind, number>> = {
  invalid: 400,
  missing: 404,
  gone: 410,
  conflict: 409,
  unauthenticated: 401,
  forbidden: 403,
  'too-large': 413,
  'too-many': 429,
  'out-of-range': 416,
  unavailable: 503
}

/**
 * Default of `Retry-After`: the cause ends without the client, or needs an operator, so frequent retries do not help.
 */
const RETRY_AFTER_SECONDS = 5

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The answers of the route have their result under `errorMsg`, errors too. */
    hasErrorMsg?: boolean
  }
}

export function registerErrors(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError, request, reply) => sendError(error, request, reply))
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]
    sendError(new Problem('ROUTE_UNKNOWN', `There is no ${request.method} ${path}.`), request, reply)
  })
}

/** Also for errors before routing, such as a URL that cannot be decoded. */
export function sendError(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  reply.header(REQUEST_ID_HEADER, request.id)
  const problem = toProblem(error)
  if (problem === undefined) {
    request.log.error({ err: error }, 'request failed')
    if (isNativeApi(request)) reply.code(500).type(PROBLEM_TYPE).send(internalProblemBody(request.id))
    else reply.code(500).send(withErrorMsg(request, internalError(request.id)))
    return
  }
  const log = { problem: problem.code, text: hideUrlSecrets(problem.message) }
  if (problem.kind === 'unavailable') {
    request.log.warn({ ...log, err: problem.cause }, 'request refused')
  } else request.log.info(log, 'request refused')
  const isLater = problem.kind === 'unavailable' || problem.kind === 'too-many'
  const retryAfter = problem.retryAfterSeconds ?? (isLater ? RETRY_AFTER_SECONDS : undefined)
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
  const status = STATUS[problem.kind]
  if (isNativeApi(request)) reply.code(status).type(PROBLEM_TYPE).send(problemBody(problem, status))
  else reply.code(status).send(withErrorMsg(request, errorBody([problem.userMessage])))
}

/** Decides by the path, since errors before routing have no route. */
function isNativeApi(request: FastifyRequest): boolean {
  return request.url.startsWith('/api/')
}

/** Undefined for an internal error. */
export function toProblem(error: Error): Problem | undefined {
  if (error instanceof Problem) return error
  const { code = '', statusCode = 500 } = error as Partial<FastifyError>
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new Problem('BODY_TOO_LARGE', 'The body is too large.')
  if (code === 'FST_ERR_BAD_URL') return new Problem('PARAMETER_INVALID', 'The URL is not valid.')
  if (statusCode === 401) return new Problem('NOT_AUTHENTICATED', 'The user name or the password is missing or wrong.')
  if (statusCode >= 400 && statusCode < 500) {
    return new Problem('BODY_INVALID', `The body of the request cannot be read: ${error.message}.`, { cause: error })
  }
  return toDatabaseProblem(error)
}

function internalError(requestId: string): ErrorBody {
  return errorBody([
    {
      id: 'FQXHMUP9500L',
      text: 'The request failed because of an internal error.',
      explanation: `The server log has the details under the request id ${requestId}.`,
      recovery: 'Repeat the request; if it fails again, read the log.'
    }
  ])
}

function withErrorMsg(request: FastifyRequest, body: ErrorBody): ErrorBody & { errorMsg?: object } {
  if (!request.routeOptions?.config?.hasErrorMsg) return body
  return { ...body, errorMsg: { ...body, result: 'failure' } }
}
