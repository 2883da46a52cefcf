/**
 * Who holds a connection has to go on: the head of a request comes within seconds, a body or an answer as slowly as the
 * slowest lines are, and no slower. There is no limit on the whole time: an upload of many gigabytes may take a day.
 */
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'

/** Within which the head of a request, and the handshake of TLS, have to come. */
export const HEAD_TIMEOUT_MS = 15_000

/** How often it is looked who has not sent their head in time. */
const HEAD_CHECK_MS = 5_000

/** A connection without a request; longer than proxies keep theirs, so that it is they who close them. */
export const KEEP_ALIVE_MS = 72_000

/** Clients send a dozen headers. Of more than these the rest is not looked at. */
const MAX_HEADERS = 200

/** For Node's server, whatever its protocol. */
export const SERVER_OPTIONS = {
  headersTimeout: HEAD_TIMEOUT_MS,
  connectionsCheckingInterval: HEAD_CHECK_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
  maxHeaderSize: 16 * 1024,
  // The whole time: see above.
  requestTimeout: 0
}

export interface ProgressLimits {
  /** How often it is looked at. */
  readonly checkMs: number
  /** Bytes of a body that have to come between two looks. */
  readonly bodyBytes: number
  /** So many looks an answer may stand still: people close their laptops, and networks go away for a while. */
  readonly stalledChecks: number
}

export const PROGRESS_LIMITS: ProgressLimits = { checkMs: 15_000, bodyBytes: 4 * 1024, stalledChecks: 12 }

interface Seen {
  sentBytes: number
  stalledChecks: number
}

/**
 * Cuts connections that do not go on, and takes no more than so many. When all are taken, one that has no request at
 * the moment makes room for a new one: who only holds connections keeps nobody out.
 * @returns what closes all connections without a request; Node leaves those open that have not begun one yet
 */
export function limitConnections(
  server: Server,
  maxConnections: number,
  { checkMs, bodyBytes, stalledChecks }: ProgressLimits = PROGRESS_LIMITS
): { closeIdle(): void } {
  server.maxHeadersCount = MAX_HEADERS
  /** The oldest first. */
  const connections = new Map<Socket, Seen>()
  /** Requests whose body has not come yet, with the bytes that had come at the last look. */
  const bodies = new Map<IncomingMessage, number>()
  const busy = new Map<Socket, number>()
  /** Connections that are to become those of TLS, by their other end. */
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
    if (connections.size > maxConnections) makeRoom(socket)
  }

  function makeRoom(newcomer: Socket): void {
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
      // What has come and is not read yet: it is not the client who is slow.
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
  // From then on it is the inner one that knows what was sent and read.
  server.on('secureConnection', (socket: Socket) => {
    const outer = handshakes.get(nameOf(socket))
    if (outer !== undefined) connections.delete(outer)
    handshakes.delete(nameOf(socket))
    add(socket)
  })
  server.on('request', (request, response) => {
    const { socket, headers } = request
    busy.set(socket, (busy.get(socket) ?? 0) + 1)
    // The first look only begins to count.
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

/** The same for the outer and the inner one of TLS. */
function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
