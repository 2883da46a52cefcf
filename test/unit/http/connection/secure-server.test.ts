import { once } from 'node:events'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import tls from 'node:tls'
import t, { type Test } from 'tap'
import { createSecureServer } from '../../../../src/http/connection/secure-server.ts'
import { makeCertificate, replaceable } from '../../../support/servers/certificates.ts'

const first = await makeCertificate('first')
const second = await makeCertificate('second')

async function start(t: Test) {
  const source = replaceable(first)
  const server = createSecureServer(source, (request, response) => {
    request
      .resume()
      .on('end', () => response.end(`${request.method} over ${(request.socket as tls.TLSSocket).getProtocol()}`))
  })
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { source, server, port: (server.address() as AddressInfo).port }
}

/** The answer to a POST over a connection of its own. */
async function post(port: number, options: https.RequestOptions): Promise<string> {
  const request = https.request({ port, host: '127.0.0.1', method: 'POST', agent: false, ...options })
  request.end('x'.repeat(100_000))
  const [response] = await once(request, 'response')
  return (await response.setEncoding('utf8').toArray()).join('')
}

/** What comes back over a bare connection on which this was sent. */
async function sendPlainly(port: number, text: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1')
  socket.setEncoding('utf8').end(text)
  return (await socket.toArray()).join('')
}

t.test('the server speaks TLS 1.2 and 1.3 with clients that trust its certificate', async (t) => {
  const { port } = await start(t)
  t.equal(await post(port, { ca: first.cert }), 'POST over TLSv1.3')
  t.equal(await post(port, { ca: first.cert, maxVersion: 'TLSv1.2' }), 'POST over TLSv1.2')
  await t.rejects(post(port, { ca: second.cert }), /self-signed certificate|certificate/)
})

t.test('versions of TLS before 1.2 are refused', async (t) => {
  const { port } = await start(t)
  const old = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  await t.rejects(post(port, { ca: first.cert, ...old }), /protocol|version|alert/i)
})

t.test('a client of plain HTTP gets a 400 that names HTTPS', async (t) => {
  const { port } = await start(t)
  for (const request of [
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    `POST /sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n${'x'.repeat(200_000)}`,
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '\n'
  ]) {
    const answer = await sendPlainly(port, request)
    t.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/)
    t.match(answer, /This port speaks HTTPS\. Repeat the request with https:\/\//)
  }
  t.equal(await post(port, { ca: first.cert }), 'POST over TLSv1.3', 'others are served')
})

t.test('a handshake that arrives byte by byte succeeds', async (t) => {
  const { port } = await start(t)
  const inner = net.connect(port, '127.0.0.1')
  const [client, outer] = await pair(t)
  outer.on('data', (chunk: Buffer) => {
    for (const byte of chunk) inner.write(Buffer.from([byte]))
  })
  inner.on('data', (chunk) => outer.write(chunk))
  const socket = tls.connect({ socket: client, ca: first.cert, servername: 'localhost' })
  await once(socket, 'secureConnect')
  t.ok(socket.authorized)
  socket.destroy()
  inner.destroy()
})

t.test('clients that disconnect at once or send invalid bytes do not affect other clients', async (t) => {
  const { port } = await start(t)
  for (let round = 0; round < 20; round += 1) {
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.resetAndDestroy()
    const rubbish = net.connect(port, '127.0.0.1').on('error', () => {})
    rubbish.write(Buffer.from([0x16, 3, 1, 255, 255, 0, 0]))
    rubbish.destroySoon()
  }
  t.equal(await post(port, { ca: first.cert }), 'POST over TLSv1.3')
})

t.test('a new certificate is used from the next connection on', async (t) => {
  const { port, source } = await start(t)
  source.replace(second)
  t.equal(await post(port, { ca: second.cert }), 'POST over TLSv1.3')
  await t.rejects(post(port, { ca: first.cert }))
})

/** Both ends of a connection. */
async function pair(t: Test): Promise<[net.Socket, net.Socket]> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [other] = await once(server, 'connection')
  server.close()
  t.teardown(() => {
    client.destroy()
    other.destroy()
  })
  return [client, other]
}
