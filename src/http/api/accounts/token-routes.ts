/** /api/v1/tokens: credentials of programs. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Role } from '../../../core/accounts/access.ts'
import { makeToken } from '../../../core/accounts/api-token.ts'
import type { ApiToken } from '../../../core/accounts/user.ts'
import { Problem } from '../../../core/problems/problem.ts'
import { DURATION, parseDuration } from '../../../core/time-text.ts'
import { CHANGE_PROBLEM_RESPONSES, PROBLEM_RESPONSES, problemResponse } from '../../bodies/problem-body.ts'
import { requireRole } from '../../plugins/access.ts'
import type { Services } from '../../services.ts'
import { RoleName, TokenView, tokenView } from './user-view.ts'

const TAGS = ['Users']

const NewToken = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 100, description: 'The purpose of the token.' }),
    role: RoleName,
    expiresIn: Type.Optional(
      Type.String({
        maxLength: 16,
        pattern: DURATION.source,
        description:
          'a time such as 12h, 90d or 4w, after which the token expires; without it, the token does not expire'
      })
    )
  },
  { additionalProperties: false, examples: [{ name: 'nightly mirror', role: 'exporter', expiresIn: '90d' }] }
)

const MadeToken = Type.Object(
  {
    ...TokenView.properties,
    token: Type.String({ description: 'For `Authorization: Bearer …`. It is shown only once and not stored.' })
  },
  { title: 'MadeToken' }
)

export const tokenRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'users' | 'commands'>> = async (
  app,
  { users, commands }
) => {
  app.get(
    '/api/v1/tokens',
    {
      config: { access: 'viewer' },
      schema: {
        operationId: 'listTokens',
        tags: TAGS,
        summary: 'List tokens',
        description: 'Your own tokens; administrators see the tokens of all users. Expired tokens are included.',
        response: { 200: Type.Object({ tokens: Type.Array(TokenView) }, { title: 'TokenList' }), ...PROBLEM_RESPONSES }
      }
    },
    async (request) => {
      const isAdmin = request.identity?.role === 'admin'
      const tokens = await users.listTokens(isAdmin ? undefined : request.userName)
      return { tokens: tokens.map(tokenView) }
    }
  )

  app.post(
    '/api/v1/tokens',
    {
      config: { access: { role: 'viewer', isForPeople: true } },
      schema: {
        operationId: 'addToken',
        tags: TAGS,
        summary: 'Create a token for yourself',
        description:
          'The role can be at most your own. The token never has more rights than you; it becomes invalid when it expires, when it ' +
          'is removed, and when you are removed.',
        body: NewToken,
        response: {
          201: {
            description: 'The token, which is not shown again.',
            content: { 'application/json': { schema: MadeToken } }
          },
          409: problemResponse('You have the maximum number of tokens.'),
          ...CHANGE_PROBLEM_RESPONSES
        }
      }
    },
    async (request, reply) => {
      const { identity } = request
      const role = request.body.role as Role
      if (identity === null) throw new Error('A route that is not public has no identity')
      requireRole(identity, role)
      const { id, text, secretHash } = makeToken()
      const createdAt = new Date()
      const token: ApiToken = {
        id,
        userName: identity.name,
        name: request.body.name,
        role,
        createdAt,
        expiresAt: expiryOf(request.body.expiresIn, createdAt),
        lastUsedAt: null
      }
      await commands.addToken({ token, secretHash })
      return reply.code(201).send({ ...tokenView(token), token: text })
    }
  )

  app.delete(
    '/api/v1/tokens/:id',
    {
      config: { access: 'viewer' },
      schema: {
        operationId: 'removeToken',
        tags: TAGS,
        summary: 'Remove a token',
        description: 'It is invalid from the next request on. Administrators can remove the tokens of others.',
        params: Type.Object({
          id: Type.String({ pattern: '^[0-9a-f]{16}$', description: 'the id of a token, 16 hexadecimal digits' })
        }),
        response: {
          204: Type.Null({ description: 'The token is removed.' }),
          404: problemResponse('There is no such token, or it belongs to another user.'),
          ...CHANGE_PROBLEM_RESPONSES
        }
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const userName = request.identity?.role === 'admin' ? undefined : request.userName
      if (!(await commands.removeToken({ id, userName }))) {
        throw new Problem('TOKEN_UNKNOWN', `There is no token ${id}.`)
      }
      return reply.code(204).send(null)
    }
  )
}

function expiryOf(expiresIn: string | undefined, from: Date): Date | null {
  return expiresIn === undefined ? null : new Date(from.getTime() + parseDuration(expiresIn))
}
