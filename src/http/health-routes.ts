/**
 * For probes: liveness and readiness. The routes are public, so reasons contain no paths.
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { HealthCheck } from '../core/tasks/statistics.ts'
import { ERROR_TEXTS } from './bodies/error-texts.ts'
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

const CLOSING: HealthCheck = { name: 'closing', isHealthy: false, reason: 'The server is stopping.' }

export const healthRoutes: FastifyPluginAsyncTypebox<HealthOptions> = async (app, { health, isClosing }) => {
  app.get(
    '/health/live',
    {
      config: { access: 'public', isPolled: true },
      schema: {
        operationId: 'checkLiveness',
        tags: ['Operations'],
        summary: 'Check that the process runs',
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
        summary: 'Check that the depot is ready',
        description:
          'Checks the database, the repository directory, the space or the storage for archives, and the worker. 503 while the server stops.',
        security: [],
        response: { 200: Ready, 500: errorResponse(ERROR_TEXTS[500]), 503: Ready }
      }
    },
    async (_request, reply) => {
      const checks = [...(await health()), ...(isClosing() ? [CLOSING] : [])]
      const isReady = checks.every((check) => check.isHealthy)
      return reply.code(isReady ? 200 : 503).send(readinessView(checks))
    }
  )
}
