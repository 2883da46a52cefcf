/** Pages of other sites cannot change anything, unless the operator has listed their origin. */
import cors from '@fastify/cors'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Problem } from '../../core/problems/problem.ts'
import { SAFE_METHODS } from './auth.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
const REQUEST_HEADERS = [
  'Authorization',
  'Content-Type',
  'If-Modified-Since',
  'If-None-Match',
  'If-Range',
  'Last-Event-ID',
  'Range',
  'X-Csrf-Token'
]
const ANSWER_HEADERS = [
  'Content-Disposition',
  'Content-Range',
  'ETag',
  'Location',
  'Retry-After',
  'WWW-Authenticate',
  'X-Request-Id'
]
const PREFLIGHT_SECONDS = 600

/**
 * @param origins their pages can use the API with credentials of their own; browsers send neither cookies nor a saved
 * login for them
 */
export async function registerOtherSites(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  app.addHook('onRequest', (request, _reply, done) => {
    const isAllowed = SAFE_METHODS.has(request.method) || !isFromElsewhere(request, origins)
    done(isAllowed ? undefined : new Problem('CROSS_SITE_REFUSED', 'The request comes from a page of another site.'))
  })
  if (origins.length === 0) return
  await app.register(cors, {
    origin: [...origins],
    methods: METHODS,
    allowedHeaders: REQUEST_HEADERS,
    exposedHeaders: ANSWER_HEADERS,
    maxAge: PREFLIGHT_SECONDS,
    // Answers all OPTIONS requests: the plugin's error would not have the common body.
    strictPreflight: false
  })
}

/**
 * The CSRF token protects sessions. Browsers also send a saved Basic login with the requests of any page, so the
 * headers about the page are checked. Requests without these headers come from programs that are not browsers.
 */
function isFromElsewhere({ headers, host }: FastifyRequest, origins: readonly string[]): boolean {
  const { origin, 'sec-fetch-site': site } = headers
  if (origin !== undefined && origins.includes(origin)) return false
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  // Browsers send Sec-Fetch-Site only to servers with TLS.
  return origin !== undefined && !isOriginOf(origin, host)
}

/** The scheme is not compared: a TLS proxy can be in front of a server without TLS. */
function isOriginOf(origin: string, host: string): boolean {
  return (
    /^https?:\/\//.test(origin) && URL.canParse(origin) && new URL(origin).host === withoutDefaultPort(host, origin)
  )
}

function withoutDefaultPort(host: string, origin: string): string {
  const url = `${origin.split(':', 1)[0]}://${host}`
  return URL.canParse(url) ? new URL(url).host : host
}
