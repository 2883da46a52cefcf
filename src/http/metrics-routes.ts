/** The metrics of the depot for Prometheus; they need a login. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ERROR_RESPONSES } from './bodies/result-body.ts'
import type { Services } from './services.ts'

export const metricsRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'metrics'>> = async (app, { metrics }) => {
  app.get(
    '/metrics',
    {
      config: { access: 'viewer', isPolled: true },
      schema: {
        operationId: 'readMetrics',
        tags: ['Operations'],
        summary: 'Read the metrics',
        description:
          'In the text format of Prometheus, at most one second old. docs/observability.md lists them. With ' +
          '`FIXDEPOT_METRICS_LISTEN` they are also served on a separate port, without a login.',
        response: {
          200: { description: 'All metrics.', content: { 'text/plain': { schema: Type.String() } } },
          ...ERROR_RESPONSES
        }
      }
    },
    async (_request, reply) => {
      const text = await metrics.read()
      return reply.header('cache-control', 'no-store').type(metrics.contentType).send(text)
    }
  )
}
