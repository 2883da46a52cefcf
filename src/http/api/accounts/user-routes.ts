/** /api/v1/users: users and their roles. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Role } from '../../../core/accounts/access.ts'
import { checkNewPassword } from '../../../core/accounts/password.ts'
import { checkNewName, normalName } from '../../../core/accounts/user-name.ts'
import { Problem } from '../../../core/problems/problem.ts'
import { CHANGE_PROBLEM_RESPONSES, PROBLEM_RESPONSES, problemResponse } from '../../bodies/problem-body.ts'
import type { Access } from '../../plugins/access.ts'
import type { Services } from '../../services.ts'
import { Password, RoleName, UserParams, UserView, userView } from './user-view.ts'

const TAGS = ['Users']
/** For requests that create or change credentials. */
const PEOPLE: Access = { role: 'admin', isForPeople: true }
const USER_UNKNOWN_RESPONSE = problemResponse('There is no such user.')
const LAST_ADMINISTRATOR_RESPONSE = problemResponse('The user is the last administrator.')

const NewUser = Type.Object(
  {
    name: Type.String({ maxLength: 255, description: '1 to 64 characters, without colons and spaces.' }),
    password: Password,
    role: RoleName
  },
  { additionalProperties: false, examples: [{ name: 'ann', password: 'a long one for Ann', role: 'exporter' }] }
)

const UserChange = Type.Object(
  { role: Type.Optional(RoleName), password: Type.Optional(Password) },
  { additionalProperties: false, examples: [{ role: 'admin' }] }
)

/** Without an example, so that trying out the call removes no user. */
const RemovedUser = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 255, description: 'The name of a user.' })
})

export const userRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'users' | 'commands' | 'hasher'>> = async (
  app,
  { users, commands, hasher }
) => {
  app.get(
    '/api/v1/users',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'listUsers',
        tags: TAGS,
        summary: 'List users',
        description: 'Sorted by name; always complete, since there are at most 1,000 users.',
        response: { 200: Type.Object({ users: Type.Array(UserView) }, { title: 'UserList' }), ...PROBLEM_RESPONSES }
      }
    },
    async () => ({ users: (await users.listUsers()).map(userView) })
  )

  app.post(
    '/api/v1/users',
    {
      config: { access: PEOPLE },
      schema: {
        operationId: 'addUser',
        tags: TAGS,
        summary: 'Add a user',
        body: NewUser,
        response: {
          201: {
            description: 'The user can log in.',
            headers: { location: { type: 'string', description: 'The path of the user.' } },
            content: { 'application/json': { schema: UserView } }
          },
          409: problemResponse('A user with this name exists, or the maximum number of users is reached.'),
          ...CHANGE_PROBLEM_RESPONSES
        }
      }
    },
    async (request, reply) => {
      const { password, role } = request.body
      const name = checkNewName(request.body.name)
      checkNewPassword(password)
      if ((await users.findUser(name)) !== undefined) {
        throw new Problem('USER_EXISTS', `The user ${name} exists already.`)
      }
      const passwordHash = await hasher.hash(password)
      const user = await commands.addUser({ name, role: role as Role, passwordHash, createdAt: new Date() })
      return reply
        .code(201)
        .header('location', `/api/v1/users/${encodeURIComponent(name)}`)
        .send(userView(user))
    }
  )

  app.get(
    '/api/v1/users/:name',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'getUser',
        tags: TAGS,
        summary: 'Get a user',
        params: UserParams,
        response: { 200: UserView, 404: USER_UNKNOWN_RESPONSE, ...PROBLEM_RESPONSES }
      }
    },
    async (request) => userView(await getUser(request.params.name))
  )

  app.patch(
    '/api/v1/users/:name',
    {
      config: { access: PEOPLE },
      schema: {
        operationId: 'changeUser',
        tags: TAGS,
        summary: 'Change the role or the password of a user',
        description:
          'A new role is effective from the next request on, also for the tokens of the user. A new password ends the sessions of the user.',
        params: UserParams,
        body: UserChange,
        response: {
          200: UserView,
          404: USER_UNKNOWN_RESPONSE,
          409: LAST_ADMINISTRATOR_RESPONSE,
          ...CHANGE_PROBLEM_RESPONSES
        }
      }
    },
    async (request) => {
      const { role, password } = request.body
      if (password !== undefined) checkNewPassword(password)
      const { name } = await getUser(request.params.name)
      const passwordHash = password === undefined ? undefined : await hasher.hash(password)
      const change = { name, role: role as Role | undefined, passwordHash, changedAt: new Date() }
      return userView(await commands.changeUser(change))
    }
  )

  app.delete(
    '/api/v1/users/:name',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'removeUser',
        tags: TAGS,
        summary: 'Remove a user',
        description: 'Also removes the sessions and tokens of the user. Tasks that the user started continue.',
        params: RemovedUser,
        response: {
          204: Type.Null({ description: 'The user is removed.' }),
          404: USER_UNKNOWN_RESPONSE,
          409: LAST_ADMINISTRATOR_RESPONSE,
          ...CHANGE_PROBLEM_RESPONSES
        }
      }
    },
    async (request, reply) => {
      await commands.removeUser(normalName(request.params.name))
      return reply.code(204).send(null)
    }
  )

  /** @throws Problem USER_UNKNOWN */
  async function getUser(name: string) {
    const user = await users.findUser(normalName(name))
    if (user === undefined) throw new Problem('USER_UNKNOWN', `There is no user ${JSON.stringify(name)}.`)
    return user
  }
}
