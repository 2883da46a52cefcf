/** An HTTPS server that takes a new certificate while it runs, and tells clients of plain HTTP what they have done. */
import type { RequestListener } from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import type { CertificateSource } from '../../core/certificate.ts'
import { HEAD_TIMEOUT_MS, SERVER_OPTIONS } from './connection-limits.ts'

/** First byte of a handshake: the type of its record (RFC 8446, 5.1). */
const HANDSHAKE = 0x16

/** Whoever connects and says nothing is not waited for. */
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

/** The byte stays in the socket. */
function whenFirstByte(socket: Socket, then: (byte: number) => void): void {
  const giveUp = () => socket.destroy()
  socket.setTimeout(FIRST_BYTE_TIMEOUT_MS, giveUp)
  // A client that breaks off is not an error of the server.
  socket.on('error', giveUp)
  const look = () => {
    const chunk: Buffer | null = socket.read()
    if (chunk === null) return
    socket.off('readable', look)
    socket.off('error', giveUp)
    socket.setTimeout(0)
    socket.off('timeout', giveUp)
    socket.unshift(chunk)
    then(chunk[0] ?? 0)
  }
  socket.on('readable', look)
}

function answerPlainly(socket: Socket): void {
  socket.on('error', () => socket.destroy())
  socket.setTimeout(FIRST_BYTE_TIMEOUT_MS, () => socket.destroy())
  // What comes is read, so that the end of the connection is not a reset that takes the answer with it.
  socket.resume()
  socket.end(PLAIN_ANSWER)
}
