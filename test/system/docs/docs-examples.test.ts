/** Whoever tries a call out as the description's page shows it is to get an answer that is worth it. */
import fs from 'node:fs'
import t, { type Test } from 'tap'
import { parseCorpus } from '../../../sample/corpus.ts'
import { generateRepository } from '../../../sample/generate.ts'
import { buildTestApp, openTestDepot, PASSWORD, type TestDepot, USER } from '../../support/api/app.ts'

interface Examples {
  readonly example?: unknown
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>
}

interface Operation {
  readonly operationId: string
  readonly parameters?: readonly (Examples & {
    readonly name: string
    readonly in: string
    readonly required: boolean
  })[]
  readonly requestBody?: { readonly content: Readonly<Record<string, Examples>> }
}

interface Try {
  readonly operationId: string
  readonly method: 'GET'
  readonly url: string
  readonly payload: object | undefined
}

/** Calls for which the page cannot know what only the caller has. */
const NEEDS_CALLER: Readonly<Record<string, string>> = {
  endSession: 'the id of a session is made up when it begins',
  removeUser: 'the only user of a new depot cannot be removed',
  removeToken: 'the id of a token is made up with it',
  importFiles: 'files come from the disk of whoever sends them'
}

const NEEDS_PASSWORD = ['logIn', 'changeMyPassword']

/** They go on as long as what they show. */
const ENDLESS = ['followExport', 'followExports']

/** Where answers that are more than a list have it. */
const LISTS: Readonly<Record<string, string>> = {
  listUpdates: 'updates',
  listSystemPacks: 'uxsps',
  searchPackages: 'packages',
  listProblems: 'problems',
  listUsers: 'users',
  listTokens: 'tokens'
}

/** A smaller copy of what `npm run demo` makes: the packages are the same, and only their payloads shorter. */
const SIZE = parseCorpus('5MB')

/** Made once, and copied for each depot. */
const sample = `${t.testdir()}/sample`
await generateRepository({ directory: sample, ...SIZE, seedFiles: [] })

/** A depot as it is soon after its first start: its repository is read, and the first export waits. */
async function openSampleDepot(t: Test): Promise<TestDepot> {
  const depot = await openTestDepot(t, {})
  fs.cpSync(sample, depot.repositoryDirectory, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
  await depot.call('/updateRepositories/firmware?action=read', { method: 'PUT' })
  await depot.run('scan')
  await depot.call('/updateRepositories/firmware?action=export', { method: 'PUT' })
  await depot.call('/api/v1/tokens', { method: 'POST', payload: { name: 'mirror', role: 'viewer' } })
  return depot
}

function valuesOf({ example, examples = {} }: Examples): unknown[] {
  return example === undefined ? Object.values(examples).map(({ value }) => value) : [example]
}

/** One call with the first example of everything, and one more for each further example. */
function triesOf(path: string, method: string, operation: Operation): Try[] {
  const { operationId, parameters = [], requestBody } = operation
  const bodies = valuesOf(requestBody?.content['application/json'] ?? {}) as object[]
  const given = parameters.map((parameter) => ({ ...parameter, values: valuesOf(parameter) }))
  const build = (chosen: Readonly<Record<string, unknown>>, payload: object | undefined): Try => {
    const query = new URLSearchParams()
    let url = path
    for (const { name, in: location, values } of given) {
      const value = chosen[name] ?? values[0]
      if (value === undefined) continue
      if (location === 'path') url = url.replace(`{${name}}`, encodeURIComponent(String(value)))
      else query.set(name, String(value))
    }
    return {
      operationId,
      method: method.toUpperCase() as 'GET',
      url: query.size === 0 ? url : `${url}?${query}`,
      payload
    }
  }
  return [
    build({}, bodies[0]),
    ...given.flatMap(({ name, values }) => values.slice(1).map((value) => build({ [name]: value }, bodies[0]))),
    ...bodies.slice(1).map((body) => build({}, body))
  ]
}

const { app } = await buildTestApp(t, {})
const { paths } = (await app.inject('/openapi.json')).json() as { paths: Record<string, Record<string, Operation>> }
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation }))
)
const tries = operations
  .filter(({ operation }) => !(operation.operationId in NEEDS_CALLER) && !ENDLESS.includes(operation.operationId))
  .flatMap(({ path, method, operation }) => triesOf(path, method, operation))

t.test('every required parameter has an example, unless only the caller knows it', async (t) => {
  for (const { operation } of operations) {
    const { operationId, parameters = [], requestBody } = operation
    const bare = parameters.filter((parameter) => parameter.required && valuesOf(parameter).length === 0)
    const hasBody =
      requestBody === undefined || Object.values(requestBody.content).every((one) => valuesOf(one).length > 0)
    t.equal(bare.length > 0 || !hasBody, operationId in NEEDS_CALLER, operationId)
  }
})

t.test('the examples of reading calls return content', async (t) => {
  const depot = await openSampleDepot(t)
  for (const { method, url, operationId } of tries.filter((one) => one.method === 'GET')) {
    const response = await depot.call(url, { method })
    t.equal(response.statusCode, 200, `${operationId}: ${url}`)
    if (!String(response.headers['content-type']).startsWith('application/json')) {
      t.not(response.body, '', `${operationId} shows something`)
      continue
    }
    const body = response.json()
    const list = Array.isArray(body) ? body : body[LISTS[operationId] ?? '']
    t.not(list?.length, 0, `${operationId} shows something`)
  }
})

t.test('the examples of changing calls change something', async (t) => {
  for (const { method, url, payload, operationId } of tries.filter((one) => one.method !== 'GET')) {
    await t.test(`${operationId}: ${url} ${JSON.stringify(payload ?? '')}`, async (t) => {
      const depot = await openSampleDepot(t)
      const { statusCode, body } = await depot.call(url, { method, ...(payload === undefined ? {} : { payload }) })
      // Nobody but the caller knows the password.
      if (NEEDS_PASSWORD.includes(operationId)) t.equal(statusCode, 403)
      else t.ok(statusCode < 300, body)
    })
  }
})

t.test('a session works from the page, as described', async (t) => {
  const depot = await openTestDepot(t, {})
  const { description } = (await depot.app.inject('/openapi.json')).json().info
  t.match(description, /POST \/sessions.*csrf.*X-Csrf-Token/s)
  const login = await depot.app.inject({
    method: 'POST',
    url: '/sessions',
    payload: { UserId: USER, password: PASSWORD }
  })
  const cookies = Object.fromEntries(login.cookies.map(({ name, value }) => [name, value]))
  t.equal((await depot.app.inject({ url: '/tasks', cookies })).statusCode, 200)
  const change = { method: 'PUT', url: '/updateRepositories/firmware?action=read', cookies } as const
  t.equal((await depot.app.inject(change)).statusCode, 403)
  const headers = { 'x-csrf-token': login.json().response.session.csrf }
  t.equal((await depot.app.inject({ ...change, headers })).statusCode, 200)
})
