/** The login of every route that is not public: Basic, a token, or the cookie of a session. */
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
    /** The logged-in user and their role; null on public routes. */
    identity: Identity | null
    /** The name of the user; empty on public routes. */
    userName: string
    /** Null when the request has its own credentials. */
    session: OwnedSession | null
    /** The unverified credentials of Basic authentication. */
    given: { readonly userName: string; readonly password: string } | null
  }
}

export const SESSION_COOKIE = 'JSESSIONID'
export const CSRF_COOKIE = 'csrf'
const REALM = 'fixdepot'
const BEARER = /^bearer +(\S+)$/i

/** Methods that change nothing: pages of other sites can send them, but cannot read the answer. */
export const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

export type AuthServices = Pick<Services, 'logins' | 'sessions'>

/**
 * Call it once, before any route is registered. Protects each route as it declares.
 * @throws Error at the registration of a route without a declaration
 */
export async function registerAuth(app: FastifyInstance, services: AuthServices): Promise<void> {
  await app.register(cookie)
  await app.register(basicAuth, {
    // Only parses the header: errors of the check are not always wrong logins.
    validate: async (userName, password, request) => {
      request.given = { userName, password }
    }
  })
  app.decorateRequest('identity', null)
  app.decorateRequest('userName', '')
  app.decorateRequest('session', null)
  app.decorateRequest('given', null)

  // Fastify composes `request.routeOptions` on every access, so each route gets a hook that already has its access.
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
    // After the hooks of the route's plugin.
    route.onRequest = [...listOf(route.onRequest), authenticateFor(access)]
    if (dependsOnQuery(access)) route.preValidation = [...listOf(route.preValidation), checkQueryAccess]
  })
}

/** Whether the login of a long request is still valid, and its role still sufficient. */
export async function isStillAllowed(request: FastifyRequest, { logins, sessions }: AuthServices): Promise<boolean> {
  const { access } = request.routeOptions.config
  if (request.identity === null || access === undefined || access === 'public') return true
  const token = request.session?.token
  if (token !== undefined && (await sessions.find(token, false)) === undefined) return false
  const identity = await logins.renew(request.identity)
  return identity !== undefined && covers(identity.role, leastRole(access))
}

/** Credentials in the request take precedence over a cookie. @throws Problem NOT_AUTHENTICATED, CSRF_TOKEN_WRONG */
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
      throw notAuthenticated(reply, 'The session has ended or is unknown.')
    }
    // Set before the CSRF check, so that the audit trail records the user of a refused request.
    request.session = owned
    request.identity = identity
    request.userName = identity.name
    if (!SAFE_METHODS.has(request.method)) checkCsrf(request, owned.csrf)
    return identity
  }
  const [, token] = BEARER.exec(authorization ?? '') ?? []
  if (token !== undefined) {
    const identity = await logins.withToken(token)
    if (identity === undefined) throw notAuthenticated(reply, 'The token is invalid or has expired.')
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

/** The header makes browsers ask for a password. */
function notAuthenticated(reply: FastifyReply, text: string): Problem {
  reply.header('www-authenticate', `Basic realm="${REALM}", charset="UTF-8"`)
  return new Problem('NOT_AUTHENTICATED', text)
}

/** Clients that only poll send the header, so that polling does not extend the session. */
function isUse(request: FastifyRequest): boolean {
  return request.headers['x-not-user-input'] === undefined
}

/** Browsers add cookies, but not this header, to requests that pages of other sites send. */
function checkCsrf(request: FastifyRequest, expected: string): void {
  const given = request.headers['x-csrf-token']
  if (typeof given === 'string' && isSameSecret(given, expected)) return
  const what = given === undefined ? 'is missing' : 'is not that of the session'
  throw new Problem('CSRF_TOKEN_WRONG', `The header X-Csrf-Token ${what}.`)
}

function listOf<Hook>(hooks: Hook | Hook[] | undefined): Hook[] {
  return hooks === undefined ? [] : ([hooks].flat() as Hook[])
}
