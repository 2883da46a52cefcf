/** /sessions: log in, log out, list sessions. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Identity } from '../../core/accounts/access.ts'
import type { OwnedSession, Session } from '../../core/accounts/session.ts'
import { Problem } from '../../core/problems/problem.ts'
import { CHANGE_ERROR_RESPONSES, ERROR_RESPONSES, errorResponse } from '../bodies/result-body.ts'
import { CSRF_COOKIE, SESSION_COOKIE } from '../plugins/auth.ts'
import type { Services } from '../services.ts'
import { DoneView, LoginView, SessionListView, SUCCESS, sessionView } from './session-view.ts'

const TAGS = ['LXCA: sessions']
const MAX_CREDENTIAL_LENGTH = 1_024

/** The route is public, so its body must not take the memory that a list of packages can take. */
const MAX_LOGIN_BYTES = 16 * 1024

/** `credentials` checks both strings, since a message of the validator would quote a password. */
const Login = Type.Object(
  {
    UserId: Type.String({ description: 'The name of the user.' }),
    password: Type.String({ format: 'password' })
  },
  { examples: [{ UserId: 'admin', password: 'your password' }] }
)

/** The public route. */
export const loginRoutes: FastifyPluginAsyncTypebox<Services> = async (app, { sessions, logins }) => {
  app.post(
    '/sessions',
    {
      attachValidation: true,
      config: { access: 'public' },
      bodyLimit: MAX_LOGIN_BYTES,
      schema: {
        operationId: 'logIn',
        tags: TAGS,
        summary: 'Log in',
        description:
          'The answer sets the cookies JSESSIONID and csrf. Requests that change something repeat the value of `csrf` in the ' +
          'header X-Csrf-Token. Every route also accepts Basic authentication, without a session.',
        security: [],
        body: Login,
        response: {
          200: LoginView,
          ...CHANGE_ERROR_RESPONSES,
          403: errorResponse(
            'The user name or the password is wrong, or the request comes from a page of another site.'
          )
        }
      }
    },
    async (request, reply) => {
      const { UserId, password } = credentials(request.body)
      const identity = await logins.withPassword(UserId, password, request.ip)
      if (identity === undefined) throw new Problem('LOGIN_REFUSED', 'The user name or the password is wrong.')
      const owned = await sessions.open(identity, request.ip)
      const minutes = String(Math.round(sessions.timeoutMs / 60_000))
      setCookies(request, reply, owned, minutes)
      const { session, token, csrf } = owned
      const view = { ...sessionView(session, session.id), id: token, csrf, inactivityTimeout: minutes }
      return reply.send({ response: { pwChangeRequired: false, session: view }, ...SUCCESS })
    }
  )
}

/** The routes that need a login. */
export const sessionRoutes: FastifyPluginAsyncTypebox<Services> = async (app, { sessions }) => {
  app.get(
    '/sessions',
    {
      config: { access: 'viewer' },
      schema: {
        operationId: 'listSessions',
        tags: TAGS,
        summary: 'List the sessions',
        description: 'Administrators see all sessions, other users their own.',
        response: { 200: SessionListView, ...ERROR_RESPONSES }
      }
    },
    async (request) => {
      const own = request.session?.session.id
      const all = (await sessions.list()).filter((session) => maySee(request.identity, session))
      return { response: all.map((session) => sessionView(session, own)), ...SUCCESS }
    }
  )

  app.delete(
    '/sessions',
    {
      config: { access: 'viewer' },
      schema: {
        operationId: 'logOut',
        tags: TAGS,
        summary: 'Log out',
        description: 'Ends the session of the cookie; without a session, nothing changes.',
        response: { 200: DoneView, ...CHANGE_ERROR_RESPONSES }
      }
    },
    async (request, reply) => {
      if (request.session !== null) {
        await sessions.end(request.session.session.id)
        clearCookies(reply)
      }
      return reply.send(SUCCESS)
    }
  )

  app.delete(
    '/sessions/:id',
    {
      config: { access: 'viewer' },
      schema: {
        operationId: 'endSession',
        tags: TAGS,
        summary: 'End a session',
        description: 'Ends one of your own sessions; administrators can end the sessions of others.',
        params: Type.Object({ id: Type.String({ minLength: 1, maxLength: 255, description: 'The id of a session.' }) }),
        response: { 200: DoneView, 404: errorResponse('There is no such session.'), ...CHANGE_ERROR_RESPONSES }
      }
    },
    async (request) => {
      const { id } = request.params
      const session = await sessions.get(id)
      if (session === undefined || !maySee(request.identity, session) || !(await sessions.end(id))) {
        throw new Problem('SESSION_UNKNOWN', 'There is no session with this id.')
      }
      return SUCCESS
    }
  )
}

/** For a user without the role admin, the sessions of others do not exist. */
function maySee(identity: Identity | null, { userName }: Session): boolean {
  return identity !== null && (identity.role === 'admin' || identity.name === userName)
}

/** @throws Problem BODY_INVALID that names the attribute, and does not quote its value */
function credentials(body: unknown): Static<typeof Login> {
  const given = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  for (const name of ['UserId', 'password']) {
    const value = given[name]
    if (value === undefined) throw new Problem('BODY_INVALID', `The attribute ${name} is missing.`)
    if (typeof value !== 'string') throw new Problem('BODY_INVALID', `The attribute ${name} must be a string.`)
    if (value.length > MAX_CREDENTIAL_LENGTH) {
      throw new Problem('BODY_INVALID', `The attribute ${name} is longer than ${MAX_CREDENTIAL_LENGTH} characters.`)
    }
  }
  return given as Static<typeof Login>
}

function setCookies(request: FastifyRequest, reply: FastifyReply, owned: OwnedSession, minutes: string): void {
  // Without TLS, clients discard secure cookies.
  const common = { path: '/', secure: request.protocol === 'https', sameSite: 'strict' } as const
  reply.setCookie(SESSION_COOKIE, owned.token, { ...common, httpOnly: true })
  reply.setCookie(CSRF_COOKIE, owned.csrf, common)
  reply.setCookie('user', owned.session.userName, common)
  reply.setCookie('inactivityTimeout', minutes, common)
  reply.setCookie('userAuthenticationMethod', 'local', common)
}

function clearCookies(reply: FastifyReply): void {
  for (const name of [SESSION_COOKIE, CSRF_COOKIE, 'user', 'inactivityTimeout', 'userAuthenticationMethod']) {
    reply.clearCookie(name, { path: '/' })
  }
}
