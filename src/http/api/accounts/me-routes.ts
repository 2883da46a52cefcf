/** /api/v1/me: the role of the caller, and a new password. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { checkNewPassword } from '../../../core/accounts/password.ts'
import { Problem } from '../../../core/problems/problem.ts'
import { CHANGE_PROBLEM_RESPONSES, PROBLEM_RESPONSES } from '../../bodies/problem-body.ts'
import type { Services } from '../../services.ts'
import { MAX_TYPED_LENGTH, Password, RoleName } from './user-view.ts'

const TAGS = ['Users']

const Me = Type.Object(
  {
    name: Type.String(),
    role: RoleName,
    kind: Type.String({ description: 'The kind of your login: `password`, `session` or `token`.' })
  },
  { title: 'Me' }
)

const NewPassword = Type.Object(
  { currentPassword: Type.String({ format: 'password', maxLength: MAX_TYPED_LENGTH }), password: Password },
  { additionalProperties: false, examples: [{ currentPassword: 'your password', password: 'a new and longer one' }] }
)

export const meRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'logins' | 'commands' | 'hasher'>> = async (
  app,
  { logins, commands, hasher }
) => {
  app.get(
    '/api/v1/me',
    {
      config: { access: 'viewer' },
      schema: {
        operationId: 'getMe',
        tags: TAGS,
        summary: 'Get your user name and role',
        response: { 200: Me, ...PROBLEM_RESPONSES }
      }
    },
    async (request) => {
      const { name = '', role = 'viewer', kind = 'password' } = request.identity ?? {}
      return { name, role, kind }
    }
  )

  app.patch(
    '/api/v1/me',
    {
      config: { access: { role: 'viewer', isForPeople: true } },
      schema: {
        operationId: 'changeMyPassword',
        tags: TAGS,
        summary: 'Change your own password',
        description: 'Ends all your sessions, also the one of this request. Tokens stay valid.',
        body: NewPassword,
        response: { 204: Type.Null({ description: 'The password is changed.' }), ...CHANGE_PROBLEM_RESPONSES }
      }
    },
    async (request, reply) => {
      const { currentPassword, password } = request.body
      checkNewPassword(password)
      // An open session alone must not suffice to change the password.
      const identity = await logins.withPassword(request.userName, currentPassword, request.ip)
      if (identity === undefined) throw new Problem('LOGIN_REFUSED', 'The current password is wrong.')
      const passwordHash = await hasher.hash(password)
      await commands.changeUser({ name: request.userName, passwordHash, changedAt: new Date() })
      return reply.code(204).send(null)
    }
  )
}
