import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import tls from 'node:tls'
import t, { type Test } from 'tap'
import { limitConnections, type ProgressLimits } from '../../../src/http/connection/connection-limits.ts'
import { listen, openTestDepot } from '../../support/api/app.ts'
import { makeCertificate } from '../../support/servers/certificates.ts'

const QUICK: ProgressLimits = { checkMs: 20, bodyBytes: 1_000, stalledChecks: 3 }
const POST = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n'

async function serve(
  t: Test,
  listener: http.RequestListener,
  maxConnections = 100
): Promise<() => Promise<net.Socket>> {
  const server = http.createServer(listener)
  limitConnections(server, maxConnections, QUICK)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return async () => {
    const socket = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    return socket
  }
}

t.test('the connection of a stalled body is closed, and that of a slow body is not', async (t) => {
  const received = Promise.withResolvers<void>()
  const connect = await serve(t, (request, response) => {
    request.resume().once('end', () => response.end('done', () => received.resolve()))
  })
  const silent = await connect()
  const slow = await connect()
  silent.write(POST)
  slow.write(POST)
  let sent = 0
  const timer = setInterval(() => {
    slow.write('x'.repeat(Math.min(5_000, 100_000 - sent)))
    sent += 5_000
    if (sent >= 100_000) clearInterval(timer)
  }, 8)
  t.teardown(() => clearInterval(timer))
  await Promise.all([once(silent, 'close'), received.promise])
  t.equal(slow.destroyed, false)
})

t.test('a body that the server does not read yet does not count as stalled', async (t) => {
  const paused = Promise.withResolvers<http.IncomingMessage>()
  const connect = await serve(t, (request) => {
    request.once('readable', () => paused.resolve(request))
  })
  const client = await connect()
  const closed = once(client, 'close')
  client.write(POST + 'x'.repeat(90_000))
  const request = await paused.promise
  const silent = await connect()
  silent.write(POST)
  await once(silent, 'close')
  t.equal(client.destroyed, false, 'by now it would have been cut, too')
  request.resume()
  await closed
})

t.test('an answer that the client does not read is cut', async (t) => {
  const connect = await serve(t, (_request, response) => {
    response.end(Buffer.alloc(64 * 1024 * 1024))
  })
  const client = await connect()
  client.pause()
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(client.resume().pause(), 'readable').catch(() => {})
  const cut = Promise.withResolvers<void>()
  client.once('close', cut.resolve)
  setTimeout(() => client.resume(), 20 * QUICK.checkMs)
  await cut.promise
  t.ok(client.bytesRead < 64 * 1024 * 1024, `${client.bytesRead} bytes came`)
})

t.test(
  'when all connections are taken, one without a request makes room, and one with a request does not',
  async (t) => {
    const waiting: http.ServerResponse[] = []
    const arrived = Promise.withResolvers<void>()
    const connect = await serve(
      t,
      (request, response) => {
        if (request.url !== '/slow') return void response.end('now')
        waiting.push(response)
        arrived.resolve()
      },
      2
    )
    const busy = await connect()
    busy.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n')
    await arrived.promise
    const idle = await connect()
    const gone = once(idle, 'close')
    const newcomer = await connect()
    await gone
    newcomer.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    t.match(String((await once(newcomer, 'data'))[0]), /now$/)
    waiting[0]?.end('later')
    t.match(String((await once(busy, 'data'))[0]), /later$/)
  }
)

t.test('with TLS a connection counts once, also before its handshake', async (t) => {
  const { cert, key } = await makeCertificate()
  const server = https.createServer({ cert, key }, (_request, response) => void response.end('now'))
  limitConnections(server, 2, QUICK)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as net.AddressInfo
  const shaken = async () => {
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    t.teardown(() => socket.destroy())
    await once(socket, 'secureConnect')
    return socket
  }
  const silent = net.connect(port, '127.0.0.1')
  t.teardown(() => silent.destroy())
  await once(silent, 'connect')
  const gone = once(silent, 'close')
  await shaken()
  const last = await shaken()
  await gone
  last.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  t.match(String((await once(last, 'data'))[0]), /now$/)
})

t.test('a malformed request is answered with the common error body', async (t) => {
  const { app } = await openTestDepot(t, {})
  const url = new URL(await listen(app))
  const ask = async (text: string) => {
    const socket = net.connect(Number(url.port), url.hostname)
    t.teardown(() => socket.destroy())
    socket.write(text)
    let answer = ''
    for await (const chunk of socket) answer += chunk
    return answer
  }
  for (const [text, status] of [
    ['nonsense\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`, 431]
  ] as const) {
    const [head = '', body = ''] = (await ask(text)).split('\r\n\r\n')
    t.match(head, new RegExp(`^HTTP/1.1 ${status} .*Connection: close`, 's'))
    t.match(JSON.parse(body), { result: 'failed', messages: [{ id: 'FQXHMUP9034L' }] })
  }
})
