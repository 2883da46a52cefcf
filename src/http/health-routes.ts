/**
 * For probes: whether the process runs, and whether it can do its work. Open to everybody, so reasons name no paths.
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { HealthCheck } from '../core/catalog/catalog.ts'
import { HealthCheckView, readinessView } from './bodies/health-check-view.ts'
import { errorResponse } from './bodies/result-body.ts'
import type { Services } from './services.ts'

const Live = Type.Object({ status: Type.String() })

const Ready = Type.Object({
  status: Type.String({ description: '`ready` or `not ready`' }),
  checks: Type.Array(HealthCheckView)
})

export interface HealthOptions extends Pick<Services, 'health'> {
  readonly isClosing: () => boolean
}

const CLOSING: HealthCheck = { name: 'closing', isHealthy: false, reason: 'The server is being stopped.' }

export const healthRoutes: FastifyPluginAsyncTypebox<HealthOptions> = async (app, { health, isClosing }) => {
  app.get(
    '/health/live',
    {
      config: { access: 'public', isPolled: true },
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
      config: { access: 'public', isPolled: true },
      schema: {
        operationId: 'checkReadiness',
        tags: ['Operations'],
        summary: 'The depot can do its work',
        description:
          'Checks the database, the repository directory, the space for archives, or the storage that has them, and the worker. 503 while the server ends.',
        security: [],
        response: { 200: Ready, 500: errorResponse('Something went wrong inside the server.'), 503: Ready }
      }
    },
    async (_request, reply) => {
      const checks = [...(await health()), ...(isClosing() ? [CLOSING] : [])]
      const isReady = checks.every((check) => check.isHealthy)
      return reply.code(isReady ? 200 : 503).send(readinessView(checks))
    }
  )
}
