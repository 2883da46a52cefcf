/** An HTTPS server that can change its certificate while it runs, and answers requests of plain HTTP with a hint. */
import type { RequestListener } from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { HEAD_TIMEOUT_MS, SERVER_OPTIONS } from './connection-limits.ts'

/** The certificate with which a server proves its identity. */
export interface Certificate {
  /** PEM: the certificate, and then the chain up to its authority. */
  readonly cert: string
  /** PEM. */
  readonly key: string
}

/** A certificate that can be replaced while the server runs. */
export interface CertificateSource {
  current(): Certificate
  /** The listener is called with each new certificate. */
  onChange(listener: (certificate: Certificate) => void): void
  close(): void
}

/** First byte of a TLS handshake: the record type (RFC 8446, 5.1). */
const HANDSHAKE = 0x16

/** A client that sends nothing in this time is disconnected. */
const FIRST_BYTE_TIMEOUT_MS = 10_000

const SENTENCE = 'This port speaks HTTPS. Repeat the request with https:// instead of http://.'

const PLAIN_ANSWER = [
  'HTTP/1.1 400 Bad Request',
  'Content-Type: text/plain; charset=utf-8',
  `Content-Length: ${SENTENCE.length + 1}`,
  'Connection: close',
  '',
  `${SENTENCE}\n`
].join('\r\n')

/** For Fastify's `serverFactory`. TLS 1.2 and 1.3. */
export function createSecureServer(certificates: CertificateSource, listener: RequestListener): https.Server {
  const options = { ...SERVER_OPTIONS, handshakeTimeout: HEAD_TIMEOUT_MS, minVersion: 'TLSv1.2' } as const
  const server = https.createServer({ ...options, ...certificates.current() }, listener)
  certificates.onChange((certificate) => server.setSecureContext({ ...certificate, minVersion: 'TLSv1.2' }))
  const shakeHands = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    whenFirstByte(socket, (byte) => {
      if (byte === HANDSHAKE) for (const shake of shakeHands) shake.call(server, socket)
      else answerPlainly(socket)
    })
  })
  return server
}

/** Calls `then` with the first byte, which remains in the socket. */
function whenFirstByte(socket: Socket, then: (byte: number) => void): void {
  const giveUp = () => socket.destroy()
  socket.setTimeout(FIRST_BYTE_TIMEOUT_MS, giveUp)
  // A client that disconnects is not an error of the server.
  socket.on('error', giveUp)
  const readFirst = () => {
    const chunk: Buffer | null = socket.read()
    if (chunk === null) return
    socket.off('readable', readFirst)
    socket.off('error', giveUp)
    socket.setTimeout(0)
    socket.off('timeout', giveUp)
    socket.unshift(chunk)
    then(chunk[0] ?? 0)
  }
  socket.on('readable', readFirst)
}

function answerPlainly(socket: Socket): void {
  socket.on('error', () => socket.destroy())
  socket.setTimeout(FIRST_BYTE_TIMEOUT_MS, () => socket.destroy())
  // All input is read: closing with unread input is a reset, and the client can lose the answer.
  socket.resume()
  socket.end(PLAIN_ANSWER)
}
