import Fastify from 'fastify'
import t from 'tap'
import { BODY_LIMIT_BYTES, registerLenientJson } from '../../../../src/http/plugins/lenient-json.ts'

const app = Fastify()
registerLenientJson(app)
app.put('/', async ({ body }) => ({ type: typeof body, body }))
t.teardown(() => app.close())

async function send(payload: string | Buffer, type?: string) {
  const headers = type === undefined ? {} : { 'content-type': type }
  const response = await app.inject({ method: 'PUT', url: '/', payload, headers })
  return { status: response.statusCode, ...response.json() }
}

t.test('a body is decoded with the charset of its content type', async (t) => {
  const text = '{"name":"Größe"}'
  for (const [bytes, type] of [
    [Buffer.from(text), 'application/json'],
    [Buffer.from(text), 'application/json; charset=utf-8'],
    [Buffer.from(`\ufeff${text}`), 'application/json'],
    [Buffer.from(text, 'utf16le'), 'application/json; charset=utf-16le'],
    [Buffer.from(text, 'latin1'), 'application/json;charset="iso-8859-1"'],
    [Buffer.from(text), 'application/json; charset=klingon'],
    [Buffer.from(text), 'multipart/form-data; boundary=x']
  ] as const) {
    t.match(await send(bytes, type), { status: 200, body: { name: 'Größe' } }, type)
  }
})

t.test('a body of white space is no body', async (t) => {
  for (const payload of ['', ' ', '\r\n\t', '\ufeff']) {
    t.match(await send(payload, 'application/json'), { status: 200, type: 'undefined' }, JSON.stringify(payload))
  }
})

t.test('any JSON value is parsed', async (t) => {
  for (const value of [null, 5, 'text', [1], { a: 1 }, true]) {
    t.same((await send(JSON.stringify(value))).body, value)
  }
})

t.test('a body above the limit is refused without being read', async (t) => {
  const { status, code } = await send(Buffer.alloc(BODY_LIMIT_BYTES + 1, ' '), 'application/json')
  t.match({ status, code }, { status: 413, code: 'FST_ERR_CTP_BODY_TOO_LARGE' })
})
