/** The API's description: /openapi.json for tools, /docs for people. */
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

**Words**: a *fixid* is the id of a package; a *payload* is the file that is installed; a *system pack* (UXSP) is a package that
stands for its members; a *machine type* is the four-character type of a server, such as \`7X05\`.

**Trying it out**: press **Authorize** and log in under *basic* with the user name and the password of the server; then every call
can be tried out from this page. The examples fit the repository that \`npm run sample\` and \`npm run demo\` make.

**Users** have one of the roles *viewer*, *exporter*, *operator* and *admin*, each of which contains the ones before it; every call says
which it needs. Programs log in with a token of \`POST /api/v1/tokens\`, here under *token*.

**With a session** instead: leave *basic* empty and execute \`POST /sessions\` with your password. Its answer sets the cookies, which
the browser sends along from then on; *session* needs no entry for that, and this page could not set it. Reading works at
once. For calls that change something, copy \`csrf\` of the answer into **Authorize** under *csrf*: it is sent as the header
\`X-Csrf-Token\`. \`DELETE /sessions\` logs out.
`

const UI_CONFIG = {
  // Without the bar that offers to load other descriptions, under the name of another project.
  layout: 'BaseLayout',
  // A link with ?url= or ?configUrl= would have the page show another description, whose calls get the login.
  queryConfigEnabled: false,
  tryItOutEnabled: true,
  displayRequestDuration: true
}

/** A window that another site has opened knows nothing of this page. */
const PAGE_HEADERS = { 'cross-origin-opener-policy': 'same-origin' }

/**
 * What the page may load: what comes from here. The plugin's own policy has browsers load all of it over HTTPS, which
 * leaves the page empty where there is none, and allows for the server of another project.
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
  /** Of this program. */
  readonly version: string
  /** Who may read the description. */
  readonly docs: Protection['docs']
}

/** Register it before the routes that it is to describe. */
export async function registerDocs(app: FastifyInstance, options: DocsOptions): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'fixdepot', version: options.version, description: DESCRIPTION },
      tags: [
        { name: 'LXCA: firmware repository', description: 'Updates: list, export, follow, download.' },
        { name: 'LXCA: system packs', description: 'The same for system packs (UXSPs).' },
        { name: 'LXCA: sessions', description: 'Log in and out.' },
        { name: 'LXCA: tasks', description: 'Background work: list it, end it early, forget it.' },
        { name: 'Catalog', description: 'Packages, and what is wrong in the repository.' },
        { name: 'Exports', description: 'Our own names for exports.' },
        { name: 'Users', description: 'Who may do what; tokens for programs.' },
        { name: 'Operations', description: 'For probes, and for those who watch the server.' }
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
            description: 'Set by `POST /sessions`; the browser sends it by itself, and nothing is to be entered here.'
          },
          csrf: {
            type: 'apiKey',
            in: 'header',
            name: 'X-Csrf-Token',
            description: 'With a session, for whatever changes something: `csrf` of the answer to `POST /sessions`.'
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
