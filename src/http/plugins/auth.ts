/** The login in front of every route that is not public: Basic, a token, or the cookie of a session. */
import basicAuth from '@fastify/basic-auth'
import cookie from '@fastify/cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { covers, type Identity } from '../../core/accounts/access.ts'
import { isSameSecret, type OwnedSession } from '../../core/accounts/session.ts'
import { Problem } from '../../core/problems/problem.ts'
import type { Services } from '../services.ts'
import { type Access, checkAccess, checkQueryAccess, declaredAccess, dependsOnQuery, leastRole } from './access.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who has logged in, and what they may do; null on public routes. */
    identity: Identity | null
    /** The same name; empty on public routes. */
    userName: string
    /** Null when the login came with the request itself. */
    session: OwnedSession | null
    /** What Basic authentication has brought, before anybody has checked it. */
    given: { readonly userName: string; readonly password: string } | null
  }
}

export const SESSION_COOKIE = 'JSESSIONID'
export const CSRF_COOKIE = 'csrf'
const REALM = 'fixdepot'
const BEARER = /^bearer +(\S+)$/i

/** Methods that change nothing: a page of another site may send them, and cannot read the answer. */
export const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

export type AuthServices = Pick<Services, 'logins' | 'sessions'>

/**
 * Once for the whole app, before it has routes. Each route is protected by what it declares; one that declares nothing
 * ends the start with an error.
 */
export async function registerAuth(app: FastifyInstance, services: AuthServices): Promise<void> {
  await app.register(cookie)
  await app.register(basicAuth, {
    // Only takes the header apart: what goes wrong behind it is not always a wrong login.
    validate: async (userName, password, request) => {
      request.given = { userName, password }
    }
  })
  app.decorateRequest('identity', null)
  app.decorateRequest('userName', '')
  app.decorateRequest('session', null)
  app.decorateRequest('given', null)

  // The options of a request's route are put together each time that they are asked for: here they are known
  // beforehand.
  const authenticateFor =
    (access: Exclude<Access, 'public'>): onRequestAsyncHookHandler =>
    async (request, reply) => {
      const identity = await identify(app, request, reply, services)
      request.identity = identity
      request.userName = identity.name
      checkAccess(identity, access)
    }

  app.addHook('onRoute', function (this: FastifyInstance, route) {
    const access = declaredAccess(route, this.accessOfRoutes)
    route.config = { ...route.config, access }
    if (access === 'public') return
    // Behind the hooks of the plugin that the route is in.
    route.onRequest = [...listOf(route.onRequest), authenticateFor(access)]
    if (dependsOnQuery(access)) route.preValidation = [...listOf(route.preValidation), checkQueryAccess]
  })
}

/** Whether the login of a request that goes on for long still counts, and still allows it. */
export async function isStillAllowed(request: FastifyRequest, { logins, sessions }: AuthServices): Promise<boolean> {
  const { access } = request.routeOptions.config
  if (request.identity === null || access === undefined || access === 'public') return true
  const token = request.session?.token
  if (token !== undefined && (await sessions.find(token, false)) === undefined) return false
  const identity = await logins.renew(request.identity)
  return identity !== undefined && covers(identity.role, leastRole(access))
}

/** Credentials in the request itself count more than a cookie that it may have kept from before. @throws Problem */
async function identify(
  app: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
  { logins, sessions }: AuthServices
): Promise<Identity> {
  const { authorization } = request.headers
  const cookieToken = request.cookies[SESSION_COOKIE]
  if (authorization === undefined && cookieToken !== undefined) {
    const owned = await sessions.find(cookieToken, isUse(request))
    const identity = owned && (await logins.withSession(owned.session.userName))
    if (owned === undefined || identity === undefined) {
      throw notAuthenticated(reply, 'The session has ended, or there has never been one like it.')
    }
    // Known before it is refused: the audit trail names who it was.
    request.session = owned
    request.identity = identity
    request.userName = identity.name
    if (!SAFE_METHODS.has(request.method)) checkCsrf(request, owned.csrf)
    return identity
  }
  const [, token] = BEARER.exec(authorization ?? '') ?? []
  if (token !== undefined) {
    const identity = await logins.withToken(token)
    if (identity === undefined) throw notAuthenticated(reply, 'The token is not valid, or is not valid any more.')
    return identity
  }
  const given = await basicCredentials(app, request, reply)
  const identity = given && (await logins.withPassword(given.userName, given.password, request.ip))
  if (given === null) throw notAuthenticated(reply, 'The user name or the password is missing or wrong.')
  if (identity === undefined || identity === null) {
    throw notAuthenticated(reply, 'The user name or the password is wrong.')
  }
  return identity
}

function basicCredentials(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply) {
  return new Promise<FastifyRequest['given']>((resolve) => {
    app.basicAuth(request, reply, () => {
      const { given } = request
      request.given = null
      resolve(given)
    })
  })
}

/** Browsers ask for a password because of the header. */
function notAuthenticated(reply: FastifyReply, text: string): Problem {
  reply.header('www-authenticate', `Basic realm="${REALM}", charset="UTF-8"`)
  return new Problem('NOT_AUTHENTICATED', text)
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

function listOf<Hook>(hooks: Hook | Hook[] | undefined): Hook[] {
  return hooks === undefined ? [] : ([hooks].flat() as Hook[])
}
