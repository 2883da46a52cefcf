/**
 * Limits of connections: request headers must arrive within seconds, and bodies and answers must make the progress of a
 * slow line. The total time is not limited: an upload of many gigabytes can take a day.
 */
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'

/** Time limit for the request headers and for the TLS handshake. */
export const HEAD_TIMEOUT_MS = 15_000

/** Interval of the checks of HEAD_TIMEOUT_MS. */
const HEAD_CHECK_MS = 5_000

/** Time limit of an idle connection; longer than that of common proxies, so that the proxy closes it. */
export const KEEP_ALIVE_MS = 72_000

/** Clients send about a dozen headers. Node ignores the headers beyond this limit. */
const MAX_HEADERS = 200

/** Options of Node's server, for HTTP and HTTPS. */
export const SERVER_OPTIONS = {
  headersTimeout: HEAD_TIMEOUT_MS,
  connectionsCheckingInterval: HEAD_CHECK_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
  maxHeaderSize: 16 * 1024,
  // No limit of the total time: see above.
  requestTimeout: 0
}

export interface ProgressLimits {
  /** Interval of the checks of progress. */
  readonly checkMs: number
  /** Bytes of a body that must arrive between two checks. */
  readonly bodyBytes: number
  /** Number of checks without progress of an answer: laptops are closed, and networks fail for a while. */
  readonly stalledChecks: number
}

export const PROGRESS_LIMITS: ProgressLimits = { checkMs: 15_000, bodyBytes: 4 * 1024, stalledChecks: 12 }

interface Seen {
  sentBytes: number
  stalledChecks: number
}

/**
 * Closes connections without progress, and accepts at most `maxConnections`. At the limit, the oldest idle connection
 * is closed for a new one, so idle connections cannot lock out other clients.
 * @returns `closeIdle` closes all connections without a request; Node keeps those that have never had one
 */
export function limitConnections(
  server: Server,
  maxConnections: number,
  { checkMs, bodyBytes, stalledChecks }: ProgressLimits = PROGRESS_LIMITS
): { closeIdle(): void } {
  server.maxHeadersCount = MAX_HEADERS
  /** The oldest first. */
  const connections = new Map<Socket, Seen>()
  /**
   * Requests with an incomplete body, and the bytes of their connection read at the last check; -1 before the first.
   */
  const bodies = new Map<IncomingMessage, number>()
  const busy = new Map<Socket, number>()
  /** Connections in the TLS handshake, by the address of the client. */
  const handshakes = new Map<string, Socket>()
  let timer: NodeJS.Timeout | undefined

  function add(socket: Socket): void {
    connections.set(socket, { sentBytes: 0, stalledChecks: 0 })
    timer ??= setInterval(check, checkMs).unref()
    const name = nameOf(socket)
    socket.once('close', () => {
      if (handshakes.get(name) === socket) handshakes.delete(name)
      connections.delete(socket)
      busy.delete(socket)
    })
    if (connections.size > maxConnections) closeOldestIdle(socket)
  }

  function closeOldestIdle(newcomer: Socket): void {
    for (const socket of connections.keys()) {
      if (socket === newcomer || busy.has(socket)) continue
      socket.destroy()
      return
    }
    newcomer.destroy()
  }

  function checkBodies(): void {
    for (const [request, before] of bodies) {
      const { bytesRead } = request.socket
      if (request.complete || request.destroyed) bodies.delete(request)
      // Bytes have arrived and are not read yet: the server is slow, not the client.
      else if (request.readableLength > 0 || bytesRead - before >= bodyBytes) bodies.set(request, bytesRead)
      else if (before < 0) bodies.set(request, bytesRead)
      else request.socket.destroy()
    }
  }

  function check(): void {
    checkBodies()
    for (const [socket, seen] of connections) {
      const waiting = socket.writableLength
      const sentBytes = socket.bytesWritten - waiting
      seen.stalledChecks = waiting > 0 && sentBytes === seen.sentBytes ? seen.stalledChecks + 1 : 0
      seen.sentBytes = sentBytes
      if (seen.stalledChecks >= stalledChecks) socket.destroy()
    }
    if (connections.size > 0) return
    clearInterval(timer)
    timer = undefined
  }

  server.on('connection', (socket: Socket) => {
    if ('setSecureContext' in server) handshakes.set(nameOf(socket), socket)
    add(socket)
  })
  // After the handshake, the TLS socket counts the bytes; the outer socket is no longer checked.
  server.on('secureConnection', (socket: Socket) => {
    const outer = handshakes.get(nameOf(socket))
    if (outer !== undefined) connections.delete(outer)
    handshakes.delete(nameOf(socket))
    add(socket)
  })
  server.on('request', (request, response) => {
    const { socket, headers } = request
    busy.set(socket, (busy.get(socket) ?? 0) + 1)
    // The first check only starts to count.
    if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) bodies.set(request, -1)
    response.once('close', () => {
      bodies.delete(request)
      const count = (busy.get(socket) ?? 1) - 1
      if (count <= 0) busy.delete(socket)
      else busy.set(socket, count)
    })
  })
  return {
    closeIdle() {
      for (const socket of connections.keys()) if (!busy.has(socket)) socket.destroy()
    }
  }
}

/** The same for the outer socket and the TLS socket of one connection. */
function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
