/** /sessions: log in, log out, and see who is there. */
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

/** Anybody may send one: it is not to take the memory that a list of packages may take. */
const MAX_LOGIN_BYTES = 16 * 1024

/** Both are texts; they are checked by hand, since a message of the validator would quote a password. */
const Login = Type.Object(
  {
    UserId: Type.String({ description: 'The name of the user.' }),
    password: Type.String({ format: 'password' })
  },
  { examples: [{ UserId: 'admin', password: 'your password' }] }
)

/** Open to everybody. */
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
          'The answer sets the cookies JSESSIONID and csrf. Requests that change something repeat the value of the second ' +
          'in the header X-Csrf-Token. Every route takes Basic authentication as well, without a session.',
        security: [],
        body: Login,
        response: {
          200: LoginView,
          ...CHANGE_ERROR_RESPONSES,
          403: errorResponse('The name or the password is wrong, or the request comes from a page of another site.')
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

/** Behind the login. */
export const sessionRoutes: FastifyPluginAsyncTypebox<Services> = async (app, { sessions }) => {
  app.get(
    '/sessions',
    {
      config: { access: 'viewer' },
      schema: {
        operationId: 'listSessions',
        tags: TAGS,
        summary: 'List the sessions',
        description: 'Administrators see all of them, others their own.',
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
        description: 'Ends the session of the cookie; without one, nothing is changed.',
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
        description: 'One of one’s own; administrators end those of others too.',
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

/** Those of others are as if they were not there. */
function maySee(identity: Identity | null, { userName }: Session): boolean {
  return identity !== null && (identity.role === 'admin' || identity.name === userName)
}

/** @throws Problem BODY_INVALID that names what is missing, and quotes nothing */
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
  // A client drops a cookie that is only for TLS when there is none.
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
