/** Our own API: strict schemas, nouns, pages by cursor, problems as RFC 9457 has them. */
import type { FastifyPluginAsync } from 'fastify'
import type { Services } from '../services.ts'
import { archiveRoutes } from './archive-routes.ts'
import { auditRoutes } from './audit-routes.ts'
import { eventRoutes } from './event-routes.ts'
import { exportContentRoutes } from './export-content-routes.ts'
import { exportRoutes } from './export-routes.ts'
import { fileRoutes } from './file-routes.ts'
import { meRoutes } from './me-routes.ts'
import { packageRoutes } from './package-routes.ts'
import { statusRoutes } from './status-routes.ts'
import { tokenRoutes } from './token-routes.ts'
import { userRoutes } from './user-routes.ts'

export const apiDoor: FastifyPluginAsync<Services & { version: string }> = async (app, services) => {
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })
  await app.register(packageRoutes, services)
  await app.register(fileRoutes, services)
  await app.register(exportRoutes, services)
  await app.register(exportContentRoutes, services)
  await app.register(archiveRoutes, services)
  await app.register(eventRoutes, services)
  await app.register(meRoutes, services)
  await app.register(userRoutes, services)
  await app.register(tokenRoutes, services)
  await app.register(auditRoutes, services)
  await app.register(statusRoutes, services)
}
