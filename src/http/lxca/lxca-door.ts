/** The door for clients that were written for the appliance. */
import type { FastifyPluginAsync } from 'fastify'
import { registerAuth } from '../plugins/auth.ts'
import { registerLenientJson } from '../plugins/lenient-json.ts'
import type { Services } from '../services.ts'
import { actionRoutes } from './action-routes.ts'
import { type ApplianceOptions, applianceRoutes } from './appliance-routes.ts'
import { cancelRoutes } from './cancel-routes.ts'
import { importRoutes } from './import-routes.ts'
import { informationRoutes } from './information-routes.ts'
import { lenientBody, lenientQuery } from './lenient-query.ts'
import { loginRoutes, sessionRoutes } from './session-routes.ts'
import { statusRoutes } from './status-routes.ts'
import { taskRoutes } from './task-routes.ts'

export const lxcaDoor: FastifyPluginAsync<ApplianceOptions> = async (app, options) => {
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
  await app.register(protectedRoutes, options)
}

const protectedRoutes: FastifyPluginAsync<Services> = async (app, services) => {
  await registerAuth(app, services)
  await app.register(sessionRoutes, services)
  await app.register(actionRoutes, services)
  await app.register(importRoutes, services)
  await app.register(cancelRoutes, services)
  await app.register(taskRoutes, services)
  await app.register(statusRoutes, services)
  await app.register(informationRoutes, services)
}
