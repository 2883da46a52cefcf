/**
 * The description of the API is checked by a linter that is not ours: against OpenAPI 3.1, and for what a reader needs.
 */
import { createConfig, lintFromString } from '@redocly/openapi-core'
import t from 'tap'
import { buildTestApp } from '../../support/api/app.ts'

const config = await createConfig({
  rules: {
    struct: 'error',
    'no-unresolved-refs': 'error',
    'no-unused-components': 'error',
    'no-identical-paths': 'error',
    'no-path-trailing-slash': 'error',
    'no-enum-type-mismatch': 'error',
    'no-duplicated-enum-values': 'error',
    'no-required-schema-properties-undefined': 'error',
    'no-schema-type-mismatch': 'error',
    'no-duplicated-tag-names': 'error',
    'no-invalid-parameter-examples': 'error',
    'no-invalid-schema-examples': 'error',
    'no-invalid-media-type-examples': 'error',
    'operation-operationId': 'error',
    'operation-operationId-unique': 'error',
    'operation-operationId-url-safe': 'error',
    'operation-parameters-unique': 'error',
    'operation-summary': 'error',
    'operation-singular-tag': 'error',
    'operation-tag-defined': 'error',
    'operation-2xx-response': 'error',
    'path-declaration-must-exist': 'error',
    'path-not-include-query': 'error',
    'path-parameters-defined': 'error',
    'security-defined': 'error',
    'tag-description': 'error',
    'parameter-description': 'error'
  }
})

/** What the linter finds, a line for each finding. */
async function lint(document: unknown): Promise<string[]> {
  const problems = await lintFromString({ source: JSON.stringify(document), config })
  return problems.map(({ ruleId, message, location }) => `${ruleId} at ${location[0]?.pointer}: ${message}`)
}

const { app } = await buildTestApp(t, {})
const description = (await app.inject('/openapi.json')).json()

t.test('the OpenAPI document passes the linter', async (t) => {
  t.same(await lint(description), [])
})

const PACKAGE = '/api/v1/packages/{fixid}'

t.test('the linter finds every missing or wrong part', async (t) => {
  const breakages: Record<string, (operation: Record<string, unknown>, document: Record<string, unknown>) => void> = {
    // An answer needs a description.
    struct: (operation) => Object.assign(operation, { responses: { 200: {} } }),
    'no-unresolved-refs': (operation) =>
      Object.assign(operation, { responses: { 200: { $ref: '#/components/responses/None' } } }),
    'operation-operationId': (operation) => delete operation.operationId,
    'operation-operationId-unique': (operation) => Object.assign(operation, { operationId: 'searchPackages' }),
    'operation-summary': (operation) => delete operation.summary,
    'operation-tag-defined': (operation) => Object.assign(operation, { tags: ['Nobody’s'] }),
    'operation-singular-tag': (operation) => Object.assign(operation, { tags: ['Catalog', 'Exports'] }),
    'path-parameters-defined': (operation) => Object.assign(operation, { parameters: [] }),
    'security-defined': (_, document) => Object.assign(document, { security: [{ nobody: [] }] }),
    'no-invalid-parameter-examples': (operation) =>
      Object.assign(operation, {
        parameters: [
          { in: 'path', name: 'fixid', required: true, description: 'A fixid.', schema: { type: 'string' }, example: 7 }
        ]
      }),
    'no-invalid-media-type-examples': (operation) =>
      Object.assign(operation, {
        responses: {
          200: {
            description: 'A number.',
            content: { 'application/json': { schema: { type: 'number' }, example: 'x' } }
          }
        }
      })
  }
  for (const [rule, breakIt] of Object.entries(breakages)) {
    const document = structuredClone(description)
    breakIt(document.paths[PACKAGE].get, document)
    const found = await lint(document)
    t.ok(
      found.some((line) => line.startsWith(`${rule} at `)),
      rule,
      { found }
    )
  }
})
