import t from 'tap'
import { shareSchemas } from '../../../../src/http/plugins/shared-schemas.ts'

/** A description with answers of these schemas, by path. */
function describe(schemas: Record<string, object>) {
  const paths = Object.entries(schemas).map(([path, schema]) => {
    const answer = { description: 'Fine.', content: { 'application/json': { schema } } }
    return [path, { get: { responses: { 200: answer } } }]
  })
  return { info: { title: 'An API' }, paths: Object.fromEntries(paths), components: { securitySchemes: {} } }
}

const A = { type: 'object', title: 'A', properties: { title: { type: 'string' } } }

t.test('a schema with a title is moved to components, and all uses refer to it', async (t) => {
  const list = { type: 'array', items: A }
  t.same(shareSchemas(describe({ '/a': A, '/list': list })), {
    ...describe({
      '/a': { $ref: '#/components/schemas/A' },
      '/list': { ...list, items: { $ref: '#/components/schemas/A' } }
    }),
    components: { securitySchemes: {}, schemas: { A } }
  })
})

t.test('the description of an answer is not part of its schema', async (t) => {
  const { components } = shareSchemas(describe({ '/a': { ...A, description: 'Fine.' }, '/b': A }))
  t.same(components, { securitySchemes: {}, schemas: { A } })
})

t.test('examples are unchanged', async (t) => {
  const schema = { type: 'object', examples: [{ title: 'A title' }] }
  t.same(shareSchemas(describe({ '/a': schema })).paths, describe({ '/a': schema }).paths)
})

t.test('two different schemas with one title are an error', async (t) => {
  t.throws(() => shareSchemas(describe({ '/a': A, '/b': { ...A, type: 'string' } })), /title A/)
})
