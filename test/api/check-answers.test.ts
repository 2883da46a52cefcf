import { Readable } from 'node:stream'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import t from 'tap'
import { checkerOf } from '../support/api/answer-checker.ts'
import { buildTestApp } from '../support/api/app.ts'
import { reportMismatches } from '../support/api/check-answers.ts'

const Item = {
  type: 'object',
  title: 'Item',
  required: ['name'],
  properties: { name: { type: 'string' }, size: { type: 'integer' } }
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown

/** The reports about the answer to one request; `given` is the schema of its route. */
async function told(handler: Handler, given: object = {}, url = '/item'): Promise<string[]> {
  const sentences: string[] = []
  const app = Fastify()
  await app.register(swagger, { openapi: { openapi: '3.1.0' } })
  const silent = { description: 'Nothing.', type: 'null' }
  const schema = { operationId: 'getItem', response: { 200: Item, 204: silent }, ...given }
  app.route({ method: ['GET', 'HEAD'], url: '/item', schema, handler: handler as () => unknown })
  await app.ready()
  reportMismatches(app, (sentence) => sentences.push(sentence))
  await app.inject(url)
  await app.inject({ method: 'HEAD', url })
  return sentences.filter((sentence) => sentence.startsWith('GET'))
}

/** Past Fastify's serializer. */
const stream =
  (text: string, type = 'application/json'): Handler =>
  (_request, reply) =>
    reply.type(type).send(Readable.from([text.slice(0, 5), text.slice(5)]))

t.test('an answer that matches the document is not reported', async (t) => {
  t.same(await told(async () => ({ name: 'a', size: 1 })), [])
  t.same(await told(stream('{"name":"a"}')), [])
  t.same(await told((_request, reply) => reply.code(204).send()), [])
  t.same(await told(async () => ({ anything: true }), { hide: true, operationId: undefined }), [])
})

t.test('a body that does not match the document is reported in a sentence', async (t) => {
  const sentence = (wrong: string) => [`GET /item was answered with 200, but ${wrong}.`]
  t.same(await told(stream('{"name":1}')), sentence('body.name must be string'))
  t.same(await told(stream('{}')), sentence("body must have required property 'name'"))
  t.same(await told(stream('{"name":"a","age":3}')), sentence('body.age is not described'))
  t.match(await told(stream('{"name":"a"')), [/the body is no JSON/])
  t.same(await told(stream('{"name":"a"}', 'text/plain')), sentence('the content type text/plain is not described'))
})

t.test('the body of a handler is checked before the serializer drops members', async (t) => {
  t.match(await told(async () => ({ name: 'a', age: 3 })), [/of what the handler gave, body\.age is not described/])
})

t.test('an answer that bypasses Fastify is checked too', async (t) => {
  const hijacked: Handler = (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'application/json; charset=utf-8' })
    reply.raw.write('{"name":"a",')
    reply.raw.end('"age":3}')
  }
  t.match(await told(hijacked), [/body\.age is not described/])
})

t.test('an undocumented status, and an undocumented body, are reported', async (t) => {
  t.match(await told((_request, reply) => reply.code(202).send({ name: 'a' })), [
    /answered with 202, but the status 202/
  ])
  const withBody: Handler = (_request, reply) => reply.code(200).type('application/json').send('x')
  const silent = { response: { 200: { description: 'Nothing.', type: 'null' } } }
  t.match(await told(withBody, silent), [/it has a body/])
})

t.test('a route without an operationId, and a success without a route, are reported', async (t) => {
  t.match(await told(stream('{"name":"a"}'), { operationId: undefined }), [/no operationId/])
  t.match(await told(async () => ({}), {}, '/nothing'), [/\/nothing was answered with 404, but .*schemas\/Error/])
})

t.test('the app that tests build fails the test that it is for', async (t) => {
  const failures: unknown[] = []
  const fake = { fail: (sentence: string) => failures.push(sentence), teardown: t.teardown.bind(t) }
  const { app } = await buildTestApp(fake as unknown as typeof t, {
    health: async () => [{ name: 'space', isHealthy: 'yes', reason: '' } as never]
  })
  await app.inject('/health/ready')
  t.match(failures, [/^GET \/health\/ready was answered with 200, but .*checks\.0\.isHealthy must be boolean\.$/])
})

t.test('the operation of an answer is found by method and path', async (t) => {
  const operation = (operationId: string) => ({ operationId, responses: {} })
  const { operationOf } = checkerOf({
    paths: {
      '/items/{id}': { get: operation('getItem'), delete: operation('deleteItem') },
      '/items/newest': { get: operation('getNewest') }
    }
  })
  t.equal(operationOf('GET', '/items/7'), 'getItem')
  t.equal(operationOf('HEAD', '/items/7/'), 'getItem')
  t.equal(operationOf('DELETE', '/items/7'), 'deleteItem')
  t.equal(operationOf('GET', '/items/newest'), 'getNewest')
  t.equal(operationOf('PUT', '/items/7'), undefined)
  t.equal(operationOf('GET', '/items/7/files'), undefined)
})
