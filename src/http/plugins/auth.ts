/** Basic authentication in front of every route of the plugin it is registered in. */
import basicAuth from '@fastify/basic-auth'
import type { FastifyInstance } from 'fastify'
import { Problem } from '../../core/problem.ts'
import type { Services } from '../services.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who has logged in. */
    userName: string
  }
}

/** Call it inside the plugin whose routes it is to protect: a new route there is protected by being there. */
export async function registerAuth(
  app: FastifyInstance,
  { verifyCredentials }: Pick<Services, 'verifyCredentials'>
): Promise<void> {
  await app.register(basicAuth, {
    authenticate: { realm: 'fixdepot' },
    validate: async (userName, password, request) => {
      if (!verifyCredentials(userName, password)) {
        throw new Problem('NOT_AUTHENTICATED', 'The user name or the password is wrong.')
      }
      request.userName = userName
    }
  })
  app.decorateRequest('userName', '')
  app.addHook('onRequest', app.basicAuth)
}
