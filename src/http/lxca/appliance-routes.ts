/** GET /aicc: clients detect an appliance with it, and check their login. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ERROR_RESPONSES } from '../bodies/result-body.ts'
import { SESSION_COOKIE } from '../plugins/auth.ts'
import type { Services } from '../services.ts'

const Empty = Type.Array(Type.Object({}))

const Appliance = Type.Object(
  {
    appliance: Type.Object({
      name: Type.String(),
      version: Type.String({ description: 'The version of this program.' }),
      build: Type.String(),
      date: Type.String({ description: 'The current time, as YYYY-MM-DD_hh-mm-ss, UTC.' }),
      runlevel: Type.Integer({ description: '3: running.' }),
      status: Type.String({ description: '`Normal`' }),
      uuid: Type.String({ description: 'The UUID of this depot; it never changes.' })
    }),
    appliance_states: Empty,
    date: Type.Object({ date_time: Type.String(), time_format: Type.String(), timezone: Type.String() }),
    network_interfaces: Empty,
    services: Empty,
    service_states: Empty,
    subscriptions: Empty
  },
  { title: 'Appliance' }
)

export interface ApplianceOptions extends Services {
  /** The version of this program. */
  readonly version: string
}

export const applianceRoutes: FastifyPluginAsyncTypebox<ApplianceOptions> = async (app, options) => {
  app.addHook('onRequest', async (request, reply) => {
    const hasLogin = request.headers.authorization !== undefined || request.cookies[SESSION_COOKIE] !== undefined
    // To the documentation, as the appliance does: clients that only detect an appliance expect a redirection.
    if (!hasLogin) return reply.redirect('/docs', 302)
  })
  app.get(
    '/aicc',
    {
      config: { access: 'viewer' },
      schema: {
        operationId: 'describeAppliance',
        tags: ['LXCA: sessions'],
        summary: 'Identify the server',
        security: [{ basic: [] }, { token: [] }, { session: [] }, {}],
        description: 'Without a login, the answer redirects to the documentation.',
        response: {
          200: Appliance,
          302: Type.Null({ description: 'Without a login: the documentation.' }),
          ...ERROR_RESPONSES
        }
      }
    },
    async () => {
      const now = new Date().toISOString()
      return {
        appliance: {
          name: 'fixdepot',
          version: options.version,
          build: options.version,
          date: now.slice(0, 19).replace('T', '_').replaceAll(':', '-'),
          runlevel: 3,
          status: 'Normal',
          uuid: options.identity
        },
        appliance_states: [],
        date: { date_time: now, time_format: '24', timezone: 'UTC' },
        network_interfaces: [],
        services: [],
        service_states: [],
        subscriptions: []
      }
    }
  )
}
