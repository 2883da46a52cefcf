/** Builds the app from its services; the caller lets it listen. */
import type { RequestListener } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { DEFAULT_PROTECTION, type Protection } from '../core/accounts/protection.ts'
import { nativeApi } from './api/native-api.ts'
import { KEEP_ALIVE_MS, limitConnections, SERVER_OPTIONS } from './connection/connection-limits.ts'
import { answerMalformed } from './connection/malformed.ts'
import type { CertificateSource } from './connection/secure-server.ts'
import { createSecureServer } from './connection/secure-server.ts'
import { healthRoutes } from './health-routes.ts'
import { lxcaApi } from './lxca/lxca-api.ts'
import { metricsRoutes } from './metrics-routes.ts'
import { registerAudit } from './plugins/audit.ts'
import { registerAuth } from './plugins/auth.ts'
import { registerClosing } from './plugins/closing.ts'
import { registerDocs } from './plugins/docs.ts'
import { registerErrors, sendError } from './plugins/errors.ts'
import { registerOtherSites } from './plugins/other-sites.ts'
import { registerSafeHeaders, safeHeaders } from './plugins/safe-headers.ts'
import { schemaProblem } from './plugins/schema-errors.ts'
import { QuietLogController, registerObservers, requestIds } from './plugins/telemetry.ts'
import { registerUserLimits } from './plugins/user-limits.ts'
import type { Services } from './services.ts'

export interface AppOptions {
  readonly services: Services
  /** The version of this program, for the OpenAPI document. */
  readonly version: string
  /** For HTTPS; without it the app serves plain HTTP. */
  readonly certificates?: CertificateSource | undefined
  /** Default: the defaults of the settings. */
  readonly protection?: Protection | undefined
  /** False: only health and metrics are served. Default: true. */
  readonly servesApis?: boolean | undefined
  /** Without a logger nothing is logged. */
  readonly logger?: FastifyBaseLogger
}

export type App = FastifyInstance

/**
 * The router's default of 100 characters is too short for a fixid (255) and for lists of tasks. The schemas limit the
 * parameters; this is the limit that Node has for all headers of a request.
 */
const MAX_PARAM_LENGTH = 16 * 1024

/** The option `https` makes Fastify log its address with the scheme https. */
function serverOptions(certificates: CertificateSource | undefined): object {
  if (certificates === undefined) return { http: SERVER_OPTIONS }
  return { https: {}, serverFactory: (handler: RequestListener) => createSecureServer(certificates, handler) }
}

/** The app, ready for `inject` or `listen`. */
export async function buildApp(options: AppOptions): Promise<App> {
  const { services, version, certificates, logger, protection = DEFAULT_PROTECTION, servesApis = true } = options
  const { corsOrigins, trustedProxies, docs, maxConnections, userLimits } = protection
  const app = Fastify({
    ...serverOptions(certificates),
    ...(trustedProxies.length === 0 ? {} : { trustProxy: [...trustedProxies] }),
    ...(logger === undefined ? {} : { loggerInstance: logger }),
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, verbose: true } },
    schemaErrorFormatter: schemaProblem,
    // Errors before routing skip the hooks.
    frameworkErrors: (error, request, reply) =>
      sendError(error, request, reply.headers(safeHeaders(certificates !== undefined))),
    clientErrorHandler: answerMalformed,
    keepAliveTimeout: KEEP_ALIVE_MS,
    genReqId: requestIds(),
    return503OnClosing: false,
    logController: new QuietLogController({ requestIdLogLabel: 'requestId' }),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MAX_PARAM_LENGTH }
  }).withTypeProvider<TypeBoxTypeProvider>()
  const { closeIdle } = limitConnections(app.server, maxConnections)
  app.addHook('preClose', async () => closeIdle())
  registerErrors(app)
  registerObservers(app, services)
  const isClosing = registerClosing(app)
  registerSafeHeaders(app, certificates !== undefined)
  await registerOtherSites(app, corsOrigins)
  await registerAuth(app, services)
  registerAudit(app, services)
  registerUserLimits(app, userLimits)
  if (servesApis) await registerDocs(app, { version, docs })
  await app.register(healthRoutes, { ...services, isClosing })
  await app.register(metricsRoutes, services)
  if (servesApis) {
    await app.register(lxcaApi, { ...services, version })
    await app.register(nativeApi, { ...services, version })
  }
  await app.ready()
  return app
}
