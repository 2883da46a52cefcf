/** The OpenAPI document: /openapi.json for tools, /docs for people. */
import swagger from '@fastify/swagger'
import swaggerUi, { type FastifySwaggerUiConfigOptions } from '@fastify/swagger-ui'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import type { Protection } from '../../core/accounts/protection.ts'
import { type Access, describeAccess } from './access.ts'
import { SESSION_COOKIE } from './auth.ts'
import { shareSchemas } from './shared-schemas.ts'

const DESCRIPTION = `
fixdepot serves a repository of firmware updates and UpdateXpress System Packs (UXSPs) over the REST API of Lenovo XClarity
Administrator (LXCA).

**An export in three steps**

1. \`PUT /updateRepositories/firmware?action=export\` with the fixids of the packages (or none for everything). The answer has a \`taskid\`.
2. \`GET /updateRepositories/firmware/status?taskid=…\` until \`progress\` is 100. \`current\` is the name of the archive.
3. \`GET /updateRepositories/firmware?key=export&exportRepoFilename=…\` downloads it.

**Terms**: a *fixid* is the id of a package; a *payload* is the file that is installed; a *system pack* (UXSP) is a package that
consists of its members; a *machine type* is the four-character type of a server, such as \`7X05\`.

**Try it out**: press **Authorize** and log in under *basic* with your user name and password; then you can execute every call
on this page. The examples fit the repository that \`npm run sample\` and \`npm run demo\` create.

**Roles**: a user is *viewer*, *exporter*, *operator* or *admin*; each role includes the ones before it, and every call names the role
that it needs. Programs log in with a token of \`POST /api/v1/tokens\`, on this page under *token*.

**Sessions**: instead of *basic*, execute \`POST /sessions\` with your password. Its answer sets cookies, which the browser sends with
all further calls; leave *session* empty. For calls that change something, copy \`csrf\` of the answer into **Authorize** under *csrf*:
it is sent as the header \`X-Csrf-Token\`. \`DELETE /sessions\` logs out.
`

const UI_CONFIG = {
  // Hides the bar that loads other documents and shows the name of another project.
  layout: 'BaseLayout',
  // A link with ?url= or ?configUrl= could load a foreign document, whose calls would get the login.
  queryConfigEnabled: false,
  tryItOutEnabled: true,
  displayRequestDuration: true
}

/** Windows of other sites get no reference to this page. */
const PAGE_HEADERS = { 'cross-origin-opener-policy': 'same-origin' }

/**
 * The page loads only from this server. The plugin's own policy forces HTTPS, which leaves the page empty on plain
 * HTTP, and allows a server of another project.
 */
const PAGE_POLICY = {
  'default-src': "'self'",
  'base-uri': "'self'",
  'form-action': "'none'",
  'font-src': "'self' data:",
  'frame-ancestors': "'none'",
  'img-src': "'self' data:",
  'object-src': "'none'"
}

export interface DocsOptions {
  /** The version of this program. */
  readonly version: string
  /** Whether the document is public, needs a login, or is off. */
  readonly docs: Protection['docs']
}

/** Register it before the routes that it describes. */
export async function registerDocs(app: FastifyInstance, options: DocsOptions): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'fixdepot', version: options.version, description: DESCRIPTION },
      tags: [
        { name: 'LXCA: firmware repository', description: 'Updates: list, export, follow, download.' },
        { name: 'LXCA: system packs', description: 'System packs (UXSPs): list, export, download.' },
        { name: 'LXCA: sessions', description: 'Log in and out.' },
        { name: 'LXCA: tasks', description: 'Background tasks: list, cancel, delete.' },
        { name: 'Catalog', description: 'Packages, and the problems of the repository.' },
        { name: 'Exports', description: 'Exports in the native API.' },
        { name: 'Users', description: 'Users and their roles; tokens for programs.' },
        { name: 'Operations', description: 'Probes, metrics, status and audit trail.' }
      ],
      components: {
        securitySchemes: {
          basic: { type: 'http', scheme: 'basic', description: 'User name and password with every request.' },
          token: {
            type: 'http',
            scheme: 'bearer',
            description: 'A token of `POST /api/v1/tokens` with every request.'
          },
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: SESSION_COOKIE,
            description: 'Set by `POST /sessions` and sent by the browser; enter nothing here.'
          },
          csrf: {
            type: 'apiKey',
            in: 'header',
            name: 'X-Csrf-Token',
            description: 'For changes with a session: `csrf` of the answer to `POST /sessions`.'
          }
        }
      },
      security: [{ basic: [] }, { token: [] }, { session: [], csrf: [] }]
    },
    transform: ({ schema, url, route }) => ({ schema: describeAccess(schema, route.config?.access) ?? {}, url }),
    transformObject: (made) => shareSchemas('openapiObject' in made ? made.openapiObject : made.swaggerObject)
  })
  const { docs } = options
  if (docs !== 'off') await app.register(docsPages, { access: docs === 'login' ? 'viewer' : 'public' })
}

const docsPages: FastifyPluginAsync<{ readonly access: Access }> = async (app, { access }) => {
  app.decorate('accessOfRoutes', { getter: () => access })
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(PAGE_HEADERS)
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: PAGE_POLICY,
    theme: { title: 'fixdepot API' },
    uiConfig: UI_CONFIG as FastifySwaggerUiConfigOptions
  })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  app.get('/', { schema: { hide: true } }, async (_request, reply) => reply.redirect('/docs'))
}
