/** Builds the app from ready-made services. It listens on nothing. */
import type { RequestListener } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import type { CertificateSource } from '../core/certificate.ts'
import { apiDoor } from './api/api-door.ts'
import { healthRoutes } from './health-routes.ts'
import { lxcaDoor } from './lxca/lxca-door.ts'
import { metricsRoutes } from './metrics-routes.ts'
import { registerCookies } from './plugins/auth.ts'
import { registerClosing } from './plugins/closing.ts'
import { registerDocs } from './plugins/docs.ts'
import { registerErrors, sendError } from './plugins/errors.ts'
import { QuietLogController, registerObservers } from './plugins/observe.ts'
import { requestIds } from './plugins/request-id.ts'
import { schemaProblem } from './plugins/schema-errors.ts'
import { createSecureServer } from './secure-server.ts'
import type { Services } from './services.ts'

export interface AppOptions {
  readonly services: Services
  /** Of this program, for the API's description. */
  readonly version: string
  /** For HTTPS; without it the app speaks plain HTTP. */
  readonly certificates?: CertificateSource | undefined
  /** Without one nothing is logged. */
  readonly logger?: FastifyBaseLogger
}

export type App = FastifyInstance

/**
 * The schema of a route says how long its parameters may be: a fixid has up to 255 characters, and a list of tasks many more than
 * the 100 that the router would let pass. Node takes no request whose head is longer than this.
 */
const MAX_PARAM_LENGTH = 16 * 1024

/** With `https` Fastify says so where it tells on which address it listens. */
function secureOptions(certificates: CertificateSource): object {
  return { https: {}, serverFactory: (handler: RequestListener) => createSecureServer(certificates, handler) }
}

/** The app, ready for `inject` or `listen`. */
export async function buildApp({ services, version, certificates, logger }: AppOptions): Promise<App> {
  const app = Fastify({
    ...(certificates === undefined ? {} : secureOptions(certificates)),
    ...(logger === undefined ? {} : { loggerInstance: logger }),
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, verbose: true } },
    schemaErrorFormatter: schemaProblem,
    frameworkErrors: sendError,
    genReqId: requestIds(),
    return503OnClosing: false,
    logController: new QuietLogController({ requestIdLogLabel: 'requestId' }),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MAX_PARAM_LENGTH }
  }).withTypeProvider<TypeBoxTypeProvider>()
  registerErrors(app)
  registerObservers(app, services)
  const isClosing = registerClosing(app)
  await registerCookies(app)
  await registerDocs(app, version)
  await app.register(healthRoutes, { ...services, isClosing })
  await app.register(metricsRoutes, services)
  await app.register(lxcaDoor, { ...services, version })
  await app.register(apiDoor, { ...services, version })
  await app.ready()
  return app
}
