/** The API for clients of the appliance (LXCA). */
import type { FastifyPluginAsync } from 'fastify'
import { registerLenientJson } from '../plugins/lenient-json.ts'
import { type ApplianceOptions, applianceRoutes } from './appliance-routes.ts'
import { lenientBody, lenientQuery } from './lenient-query.ts'
import { actionRoutes } from './repository/action-routes.ts'
import { importRoutes } from './repository/import-routes.ts'
import { informationRoutes } from './repository/information-routes.ts'
import { loginRoutes, sessionRoutes } from './session-routes.ts'
import { cancelRoutes } from './tasks/cancel-routes.ts'
import { statusRoutes } from './tasks/status-routes.ts'
import { taskRoutes } from './tasks/task-routes.ts'

export const lxcaApi: FastifyPluginAsync<ApplianceOptions> = async (app, options) => {
  registerLenientJson(app)
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })
  app.addHook('preValidation', async (request) => {
    request.query = lenientQuery(request.query as Record<string, string | string[]>)
    request.body = lenientBody(request.body)
  })
  await app.register(loginRoutes, options)
  await app.register(applianceRoutes, options)
  await app.register(sessionRoutes, options)
  await app.register(actionRoutes, options)
  await app.register(importRoutes, options)
  await app.register(cancelRoutes, options)
  await app.register(taskRoutes, options)
  await app.register(statusRoutes, options)
  await app.register(informationRoutes, options)
}
