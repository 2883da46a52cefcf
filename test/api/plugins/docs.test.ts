import t from 'tap'
import { buildTestApp } from '../../support/api/app.ts'

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly required?: string[]
  readonly properties?: Record<string, Schema>
  readonly items?: Schema
  readonly anyOf?: Schema[]
}

interface Operation {
  readonly tags?: string[]
  readonly summary?: string
  readonly operationId?: string
  readonly security?: Record<string, string[]>[]
  readonly parameters?: { name: string; in: string; required?: boolean; schema: Schema }[]
  readonly requestBody?: { content: Record<string, { schema: Schema }> }
  readonly responses?: Record<string, { description?: string; content?: Record<string, { schema: Schema }> }>
}

interface OpenApi {
  readonly openapi: string
  readonly info: { title: string; version: string }
  readonly tags: { name: string; description: string }[]
  readonly paths: Record<string, Record<string, Operation>>
  readonly security: Record<string, string[]>[]
  readonly components: {
    schemas: Record<string, Schema>
    securitySchemes: Record<string, { type: string; scheme: string }>
  }
}

const { app } = await buildTestApp(t, { health: async () => [] })
const description: OpenApi = (await app.inject('/openapi.json')).json()

/** Every operation with its method and path. */
const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation, name: `${method} ${path}` }))
)

const LOGIN = 'post /sessions'

const isOpen = ({ security }: Operation) => security?.length === 0

t.test('the OpenAPI document and its page are public', async (t) => {
  const json = await app.inject('/openapi.json')
  t.equal(json.statusCode, 200)
  t.match(json.headers['content-type'], /^application\/json/)
  const page = await app.inject('/docs/')
  t.equal(page.statusCode, 200)
  t.match(page.headers['content-type'], /^text\/html/)
  const policy = page.headers['content-security-policy']
  t.match(policy, /default-src 'self'/)
  t.notMatch(policy, /https:|upgrade|\.io/, 'also where there is no HTTPS, and from nobody else')
  for (const url of ['/docs', '/docs/static/swagger-ui-bundle.js', '/docs/static/swagger-ui.css', '/docs/json']) {
    t.match((await app.inject(url)).statusCode, /^(200|302)$/, url)
  }
  const root = await app.inject('/')
  t.match([root.statusCode, root.headers.location], [302, '/docs'])
})

t.test('the page shows this document and loads nothing from other servers', async (t) => {
  const script = (await app.inject('/docs/static/swagger-initializer.js')).body
  const page = (await app.inject('/docs/')).body
  t.notMatch(page, /(src|href)="(https?:)?\/\//)
  t.notMatch(script, /petstore/)
})

t.test('the document is OpenAPI 3.1 with this version', async (t) => {
  t.match(description, {
    openapi: /^3\.1\.\d+$/,
    info: { title: 'fixdepot', version: '0.0.0-test' },
    components: { securitySchemes: { basic: { type: 'http', scheme: 'basic' } } },
    security: [{ basic: [] }]
  })
  const names = operations.map(({ name }) => name)
  for (const name of [
    'get /health/live',
    'get /health/ready',
    'get /updateRepositories/firmware',
    'put /updateRepositories/firmware',
    'get /updateRepositories/firmware/status',
    'get /updateRepositories/firmware/uxsps',
    'put /updateRepositories/firmware/uxsps'
  ]) {
    t.ok(names.includes(name), name)
  }
})

t.test('every operation is described, and its answers too', async (t) => {
  const known = description.tags.map((tag) => tag.name)
  for (const { operation, name } of operations) {
    t.ok(operation.tags?.length && operation.tags.every((tag) => known.includes(tag)), `${name} has known tags`)
    t.ok(operation.summary, `${name} has a summary`)
    const responses = Object.entries(operation.responses ?? {})
    t.ok(
      responses.some(([code]) => /^20[014]$/.test(code)),
      `${name} has a success`
    )
    t.ok(
      responses.every(([code, { description }]) => /^[2-5]\d\d$/.test(code) && description),
      `${name} says what they are`
    )
    const silent = [...['204', '302', '304'], ...(/^(put|delete) \/(tasks|jobs)/.test(name) ? ['200'] : [])]
    t.same(
      responses.filter(([, { content }]) => content === undefined).map(([code]) => code),
      responses.map(([code]) => code).filter((code) => silent.includes(code)),
      `${name} says what they hold, where they hold something`
    )
    if (!isOpen(operation)) {
      t.same(
        ['400', '401', '500'].filter((code) => !(code in (operation.responses ?? {}))),
        [],
        `${name} has errors`
      )
    }
  }
  const ids = operations.flatMap(({ operation }) => operation.operationId ?? [])
  t.equal(new Set(ids).size, ids.length)
})

t.test('every operation except the probes needs the declared login', async (t) => {
  const schemes = Object.keys(description.components.securitySchemes)
  for (const { operation, name, path } of operations) {
    const security = operation.security ?? description.security
    t.equal(security.length === 0, path.startsWith('/health/') || name === LOGIN, name)
    t.ok(
      security.every((choice) => Object.keys(choice).every((scheme) => schemes.includes(scheme))),
      name
    )
  }
})

t.test('an operation that is not public answers 401 without a login', async (t) => {
  for (const { operation, name, method, path } of operations) {
    const response = await app.inject({ method: method.toUpperCase() as 'GET', url: path })
    if (name === LOGIN) t.equal(response.statusCode, 400, `${name} reads its body`)
    else if (name === 'get /aicc') t.equal(response.statusCode, 302, `${name} leads to the documentation`)
    else if (isOpen(operation)) t.equal(response.statusCode, 200, name)
    else t.equal(response.statusCode, 401, name)
  }
})

t.test('all references between schemas resolve', async (t) => {
  const problems: string[] = []
  const { schemas } = description.components
  const check = (schema: Schema, at: string): void => {
    if (schema.$ref !== undefined) {
      const name = schema.$ref.replace('#/components/schemas/', '')
      if (schemas[name] === undefined) problems.push(`${at} refers to ${schema.$ref}, which is not there`)
      return
    }
    if (schema.type === undefined && schema.anyOf === undefined) problems.push(`${at} has no type`)
    if (schema.type === 'array' && schema.items === undefined) problems.push(`${at} has no items`)
    for (const name of schema.required ?? []) {
      if (schema.properties?.[name] === undefined) problems.push(`${at} requires ${name}, which it does not have`)
    }
    for (const [name, property] of Object.entries(schema.properties ?? {})) check(property, `${at}.${name}`)
    for (const [index, choice] of (schema.anyOf ?? []).entries()) check(choice, `${at}|${index}`)
    if (schema.items !== undefined) check(schema.items, `${at}[]`)
  }
  for (const [name, schema] of Object.entries(schemas)) check(schema, name)
  let count = 0
  for (const { operation, name } of operations) {
    for (const parameter of operation.parameters ?? []) {
      const isInPath = name.includes(`{${parameter.name}}`)
      if (!(isInPath ? ['path'] : ['query', 'header']).includes(parameter.in))
        problems.push(`${name} has ${parameter.name} in ${parameter.in}`)
      check(parameter.schema, `${name} ${parameter.name}`)
      count += 1
    }
    const bodies = [operation.requestBody ?? { content: {} }, ...Object.values(operation.responses ?? {})]
    for (const { content = {} } of bodies) {
      for (const [type, { schema }] of Object.entries(content)) check(schema, `${name} ${type}`)
      count += 1
    }
  }
  t.same(problems, [])
  t.ok(count > 20)
})
