/** The native API: strict schemas, resources, pages by cursor, problems of RFC 9457. */
import type { FastifyPluginAsync } from 'fastify'
import type { Services } from '../services.ts'
import { auditRoutes } from './accounts/audit-routes.ts'
import { meRoutes } from './accounts/me-routes.ts'
import { tokenRoutes } from './accounts/token-routes.ts'
import { userRoutes } from './accounts/user-routes.ts'
import { archiveRoutes } from './exports/archive-routes.ts'
import { eventRoutes } from './exports/event-routes.ts'
import { exportArchiveRoutes } from './exports/export-archive-routes.ts'
import { exportRoutes } from './exports/export-routes.ts'
import { manifestRoutes } from './exports/manifest-routes.ts'
import { fileRoutes } from './packages/file-routes.ts'
import { packageRoutes } from './packages/package-routes.ts'
import { statusRoutes } from './status-routes.ts'

export const nativeApi: FastifyPluginAsync<Services & { version: string }> = async (app, services) => {
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })
  await app.register(packageRoutes, services)
  await app.register(fileRoutes, services)
  await app.register(exportRoutes, services)
  await app.register(exportArchiveRoutes, services)
  await app.register(manifestRoutes, services)
  await app.register(archiveRoutes, services)
  await app.register(eventRoutes, services)
  await app.register(meRoutes, services)
  await app.register(userRoutes, services)
  await app.register(tokenRoutes, services)
  await app.register(auditRoutes, services)
  await app.register(statusRoutes, services)
}
