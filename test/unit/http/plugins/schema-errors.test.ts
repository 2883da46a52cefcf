import t from 'tap'
import { schemaProblem } from '../../../../src/http/plugins/schema-errors.ts'

function textOf(schemaError: object, part = 'body'): string {
  const whole = { keyword: '', instancePath: '', schemaPath: '', params: {}, ...schemaError }
  return schemaProblem([whole], part).message
}

t.test('the sentence names the attribute, its value and the accepted values', async (t) => {
  for (const [schemaError, expected] of [
    [
      { keyword: 'required', instancePath: '', params: { missingProperty: 'fixids' } },
      'The attribute fixids is missing.'
    ],
    [
      { keyword: 'enum', instancePath: '/type', data: 'x', params: { allowedValues: ['a', 'b'] } },
      'The attribute type has the value "x"; accepted are a, b.'
    ],
    [
      { keyword: 'type', instancePath: '/fixids/3', data: 5, params: { type: 'string' } },
      'The attribute fixids[3] must be a string, and is 5.'
    ],
    [{ keyword: 'type', data: [], params: { type: 'object' } }, 'The body must be an object, and is an array.'],
    [
      { keyword: 'maxItems', instancePath: '/fixids', data: [1, 2, 3], params: { limit: 2 } },
      'The attribute fixids has 3 items; at most 2 are accepted.'
    ],
    [{ keyword: 'minLength', instancePath: '/fixids/0', data: '' }, 'The attribute fixids[0] is empty.'],
    [
      { keyword: 'pattern', instancePath: '/id', data: 'x', parentSchema: { description: 'a number.' } },
      'The attribute id has the value "x"; it must be a number.'
    ],
    [{ keyword: 'other', instancePath: '/id', message: 'is strange' }, 'The attribute id is strange.']
  ] as const) {
    t.equal(textOf(schemaError), expected)
  }
})

t.test('a value that can be a secret is not quoted', async (t) => {
  const schemaError = { instancePath: '/password', data: 'canary', params: { type: 'string', limit: 3 } }
  for (const keyword of ['type', 'maxLength', 'pattern', 'enum']) {
    const params = { ...schemaError.params, allowedValues: [] }
    t.notMatch(textOf({ ...schemaError, keyword, params }), 'canary', keyword)
  }
})

t.test('query parameters are called parameters', async (t) => {
  const schemaError = { keyword: 'required', params: { missingProperty: 'action' } }
  t.equal(textOf(schemaError, 'querystring'), 'The parameter action is missing.')
  t.equal(schemaProblem([], 'querystring').code, 'PARAMETER_INVALID')
  t.equal(schemaProblem([], 'body').code, 'BODY_INVALID')
})

t.test('a long value is cut', async (t) => {
  const schemaError = { keyword: 'type', instancePath: '/a', data: 'x'.repeat(5000), params: { type: 'array' } }
  t.ok(textOf(schemaError).length < 200)
})

t.test('a value nested too deep for JSON.stringify is still answered', async (t) => {
  let deep: unknown[] = []
  for (let depth = 0; depth < 100_000; depth += 1) deep = [deep]
  const schemaError = { keyword: 'type', instancePath: '/a', data: deep, params: { type: 'string' } }
  t.match(textOf(schemaError), /^The attribute a must be a string/)
})
