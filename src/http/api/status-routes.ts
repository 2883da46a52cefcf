/** GET /api/v1/status: the state of the depot. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { PROBLEM_RESPONSES } from '../bodies/problem-body.ts'
import type { Services } from '../services.ts'
import { DepotStatusView, depotStatusView } from './status-view.ts'

export const statusRoutes: FastifyPluginAsyncTypebox<Pick<Services, 'status'> & { version: string }> = async (
  app,
  { status, version }
) => {
  app.get(
    '/api/v1/status',
    {
      config: { access: 'viewer', isPolled: true },
      schema: {
        operationId: 'readStatus',
        tags: ['Operations'],
        summary: 'Read the state of the depot',
        description:
          'Version, catalog, tasks, disks, worker threads, and the checks of `/health/ready`. The numbers are at most one second old.',
        response: { 200: DepotStatusView, ...PROBLEM_RESPONSES }
      }
    },
    async () => depotStatusView(await status(), version, new Date())
  )
}
