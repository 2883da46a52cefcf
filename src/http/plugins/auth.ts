/** The login in front of every route of the plugin it is registered in: Basic, or the cookie of a session. */
import basicAuth from '@fastify/basic-auth'
import cookie from '@fastify/cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../../core/problem.ts'
import { isSameSecret, type OwnedSession } from '../../core/session.ts'
import type { Services } from '../services.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who has logged in. */
    userName: string
    /** Null when the login came with the request itself. */
    session: OwnedSession | null
  }
}

export const SESSION_COOKIE = 'JSESSIONID'
export const CSRF_COOKIE = 'csrf'
const REALM = 'fixdepot'

/** Methods that change nothing: a page of another site may send them, and cannot read the answer. */
export const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

export type AuthServices = Pick<Services, 'verifyCredentials' | 'sessions'>

/** Once for the whole app: reads the cookies of every request. */
export async function registerCookies(app: FastifyInstance): Promise<void> {
  await app.register(cookie)
}

/** Call it inside the plugin whose routes it is to protect: a new route there is protected by being there. */
export async function registerAuth(app: FastifyInstance, services: AuthServices): Promise<void> {
  await app.register(basicAuth, {
    authenticate: { realm: REALM },
    validate: async (userName, password, request) => {
      if (!services.verifyCredentials(userName, password)) {
        throw new Problem('NOT_AUTHENTICATED', 'The user name or the password is wrong.')
      }
      request.userName = userName
    }
  })
  app.decorateRequest('userName', '')
  app.decorateRequest('session', null)
  app.addHook('onRequest', (request, reply) => useSession(request, reply, services))
  app.addHook('onRequest', (request, reply, done) => {
    if (request.session === null) app.basicAuth(request, reply, done)
    else done()
  })
}

/** Credentials in the request itself count more than a cookie that it may have kept from before. */
async function useSession(request: FastifyRequest, reply: FastifyReply, { sessions }: AuthServices): Promise<void> {
  const token = request.cookies[SESSION_COOKIE]
  if (request.headers.authorization !== undefined || token === undefined) return
  const owned = await sessions.find(token, isUse(request))
  if (owned === undefined) {
    reply.header('www-authenticate', `Basic realm="${REALM}", charset="UTF-8"`)
    throw new Problem('NOT_AUTHENTICATED', 'The session has ended, or there has never been one like it.')
  }
  if (!SAFE_METHODS.has(request.method)) checkCsrf(request, owned.csrf)
  request.session = owned
  request.userName = owned.session.userName
}

/** A program that only polls says so, and does not keep its session from ending. */
function isUse(request: FastifyRequest): boolean {
  return request.headers['x-not-user-input'] === undefined
}

/** Browsers add cookies to whatever a page of another site sends; this header they do not. */
function checkCsrf(request: FastifyRequest, expected: string): void {
  const given = request.headers['x-csrf-token']
  if (typeof given === 'string' && isSameSecret(given, expected)) return
  const what = given === undefined ? 'is missing' : 'is not that of the session'
  throw new Problem('CSRF_TOKEN_WRONG', `The header X-Csrf-Token ${what}.`)
}
