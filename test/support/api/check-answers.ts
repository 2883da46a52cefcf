/**
 * Sees every answer that apps of this process give, as its bytes leave, and compares it with the description of the
 * API: also those that pass by Fastify's serializers and hooks. A request whose URL cannot be decoded has no route and
 * no hooks: its answer is not seen here.
 */
import diagnostics from 'node:diagnostics_channel'
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type AnswerChecker, checkerOf, isJson, type OpenApi } from './answer-checker.ts'

/**
 * Of a longer body only the head is looked at: listings of a hundred thousand packages are tested for what they need.
 */
const MAX_BODY_BYTES = 32 * 1024 * 1024

type Report = (sentence: string) => void

const reports = new WeakMap<FastifyInstance, Report>()

// Fastify reports each app before it has routes: only hooks added then see all routes.
diagnostics.subscribe('fastify.initialization', (message) => watch((message as { fastify: FastifyInstance }).fastify))

/** From now on mismatches of this app are passed to `report`, one sentence each. */
export function reportMismatches(app: FastifyInstance, report: Report): void {
  reports.set(app, report)
}

function watch(app: FastifyInstance): void {
  const tell = (request: FastifyRequest, status: number, wrong: string | undefined) => {
    if (wrong === undefined) return
    reports.get(app)?.(`${request.method} ${request.url} was answered with ${status}, but ${wrong}.`)
  }
  const checkerFor = () => checkerOf(app.swagger() as unknown as OpenApi)

  app.addHook('onRequest', (request, reply, done) => {
    if (isWatched(app, request)) {
      capture(reply.raw, (answer) => tell(request, answer.status, checkAnswer(checkerFor(), request, answer)))
    }
    done()
  })
  app.addHook('preSerialization', (request, reply, payload, done) => {
    const operationId = request.routeOptions.schema?.operationId
    if (isWatched(app, request) && operationId !== undefined) {
      tell(request, reply.statusCode, checkerFor().checkGiven(operationId, reply.statusCode, payload))
    }
    done(null, payload)
  })
}

/**
 * Pages for people are no part of the API. Another spelling of a route is hidden too, but has the operation of the
 * first.
 */
function isWatched(app: FastifyInstance, request: FastifyRequest): boolean {
  const { hide, operationId } = request.routeOptions.schema ?? {}
  return reports.has(app) && (hide !== true || operationId !== undefined)
}

function checkAnswer(
  checker: AnswerChecker,
  request: FastifyRequest,
  answer: Parameters<AnswerChecker['check']>[1]
): string | undefined {
  // The answer to HEAD says what a body would be, and has none.
  const seen = request.method === 'HEAD' ? { ...answer, body: undefined } : answer
  if (request.is404) return checker.checkUnknown(seen)
  const operationId = request.routeOptions.schema?.operationId
  return operationId === undefined ? 'its route has no operationId' : checker.check(operationId, seen)
}

/** Records what is written; `whenEnded` is called before the end is sent, and not for a cut answer. */
function capture(response: ServerResponse, whenEnded: (answer: Parameters<AnswerChecker['check']>[1]) => void): void {
  const { writeHead, write, end } = response
  let given: OutgoingHttpHeaders = {}
  let chunks: Buffer[] | undefined = []
  let bytes = 0
  let hasEnded = false
  const contentType = () => (given['content-type'] ?? response.getHeader('content-type')) as string | undefined

  function keep(chunk: unknown): void {
    if (hasEnded || (typeof chunk !== 'string' && !(chunk instanceof Uint8Array))) return
    bytes += chunk.length
    const isKept = bytes <= MAX_BODY_BYTES && (isJson(contentType()) || contentType() === undefined)
    // A copy: some buffers are used again.
    if (isKept) chunks?.push(Buffer.from(chunk as string))
    else chunks = undefined
  }

  response.writeHead = (...args: unknown[]) => {
    const headers = args.at(-1)
    if (typeof headers === 'object' && headers !== null) given = headers as OutgoingHttpHeaders
    return writeHead.apply(response, args as Parameters<typeof writeHead>)
  }
  response.write = (...args: unknown[]) => {
    keep(args[0])
    return write.apply(response, args as Parameters<typeof write>)
  }
  response.end = (...args: unknown[]) => {
    if (!hasEnded) {
      keep(args[0])
      hasEnded = true
      const body = chunks && Buffer.concat(chunks).toString()
      whenEnded({ status: response.statusCode, contentType: contentType(), body })
    }
    return end.apply(response, args as Parameters<typeof end>)
  }
}
