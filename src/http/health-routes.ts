/** For probes: whether the process runs, and whether it can do its work. Open to everybody, so reasons name no paths. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { errorResponse } from './lxca/result-body.ts'
import type { Services } from './services.ts'

const Live = Type.Object({ status: Type.String() })

const Ready = Type.Object({
  status: Type.String({ description: '`ready` or `not ready`' }),
  checks: Type.Array(Type.Object({ name: Type.String(), isHealthy: Type.Boolean(), reason: Type.String() }))
})

export const healthRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'health'>> = async (app, { health }) => {
  app.get(
    '/health/live',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'checkLiveness',
        tags: ['Operations'],
        summary: 'The process runs',
        security: [],
        response: { 200: Live }
      }
    },
    async () => ({ status: 'live' })
  )
  app.get(
    '/health/ready',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'checkReadiness',
        tags: ['Operations'],
        summary: 'The depot can do its work',
        description: 'Checks the database, the repository directory and the space for archives.',
        security: [],
        response: { 200: Ready, 500: errorResponse('Something went wrong inside the server.'), 503: Ready }
      }
    },
    async (_request, reply) => {
      const checks = await health()
      const isReady = checks.every((check) => check.isHealthy)
      return reply.code(isReady ? 200 : 503).send({
        status: isReady ? 'ready' : 'not ready',
        checks: checks.map(({ name, isHealthy, reason }) => ({ name, isHealthy, reason }))
      })
    }
  )
}
