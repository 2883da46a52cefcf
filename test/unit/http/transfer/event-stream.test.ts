import { once } from 'node:events'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import {
  type EventStream,
  type EventStreamOptions,
  openEventStream
} from '../../../../src/http/transfer/event-stream.ts'

/** A server whose only route opens a stream; gives back the answer, and the stream at the server's side. */
async function open(t: Test, options: EventStreamOptions): Promise<{ response: Response; stream: EventStream }> {
  const app = Fastify()
  const opened = Promise.withResolvers<EventStream>()
  app.get('/', async (request, reply) => {
    const stream = openEventStream(request, reply, options)
    opened.resolve(stream)
    await stream.closed
  })
  t.teardown(() => app.close())
  const response = await fetch(await app.listen({ host: '127.0.0.1', port: 0 }))
  return { response, stream: await opened.promise }
}

const isTrusted = async () => true

t.test("events are sent in the standard's format, and none after the end", async (t) => {
  const { response, stream } = await open(t, { isTrusted })
  stream.send({ id: '7', event: 'thing', data: { text: 'two\nlines' } })
  stream.close()
  stream.send({ id: '8', event: 'thing', data: {} })
  await stream.closed
  t.equal(response.headers.get('content-type'), 'text/event-stream')
  t.equal(await response.text(), 'retry: 2000\n\nid: 7\nevent: thing\ndata: {"text":"two\\nlines"}\n\n')
})

t.test('a silent stream sends heartbeats until its client is no longer trusted', async (t) => {
  let heartbeats = 0
  const { response } = await open(t, { heartbeatMs: 1, isTrusted: async () => ++heartbeats < 4 })
  t.equal(await response.text(), 'retry: 2000\n\n:\n\n:\n\n:\n\n')
})

t.test('a client whose login cannot be checked is disconnected', async (t) => {
  const { response } = await open(t, { heartbeatMs: 1, isTrusted: () => Promise.reject(new Error('no database')) })
  t.equal(await response.text(), 'retry: 2000\n\n')
})

t.test('a client that receives nothing is disconnected before many bytes wait', async (t) => {
  const { response, stream } = await open(t, { isTrusted })
  const data = { text: 'x'.repeat(1_000_000) }
  for (let count = 0; count < 40; count += 1) {
    stream.send({ id: String(count), event: 'thing', data })
    await new Promise((resolve) => setImmediate(resolve))
  }
  await stream.closed
  await stream.drained()
  await t.rejects(response.text(), 'the answer is cut')
})

t.test('drained resolves when the client has received the events', async (t) => {
  const { response, stream } = await open(t, { isTrusted })
  stream.send({ id: '1', event: 'thing', data: { text: 'x'.repeat(3_000_000) } })
  const text = response.text()
  await stream.drained()
  stream.close()
  t.ok((await text).length > 3_000_000)
})

t.test('a stream for a disconnected client is closed', async (t) => {
  const app = Fastify()
  const gone = Promise.withResolvers<void>()
  app.get('/', async (request, reply) => {
    const closed = once(reply.raw, 'close')
    request.raw.socket.destroy()
    await closed
    await openEventStream(request, reply, { isTrusted }).closed
    gone.resolve()
  })
  t.teardown(() => app.close())
  await t.rejects(fetch(await app.listen({ host: '127.0.0.1', port: 0 })))
  await gone.promise
})
