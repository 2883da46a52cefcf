/**
 * Counts requests, connections and bytes. A request costs two additions; everything else is computed when the metrics
 * are read.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { AnsweredRequest } from '../core/tasks/telemetry.ts'

/** Seconds. A status poll takes less than the first of them, a download as long as it likes. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60]

/** The route of requests that have none. */
const NO_ROUTE = 'none'

export function createRequestMetrics(registry: Registry) {
  const registers = [registry]
  const requests = new Counter({
    name: 'fixdepot_http_requests_total',
    help: 'Requests that were answered, or cut before their end.',
    labelNames: ['method', 'route', 'status'],
    registers
  })
  const durations = new Histogram({
    name: 'fixdepot_http_request_duration_seconds',
    help: 'From the head of a request to the end of its answer; of downloads and event streams, as long as they last.',
    labelNames: ['method', 'route'],
    buckets: DURATION_BUCKETS,
    registers
  })
  const cut = new Counter({
    name: 'fixdepot_http_requests_cut_total',
    help: 'Requests whose connection was closed before the end of the answer.',
    labelNames: ['route'],
    registers
  })
  const traffic = createTraffic(registry)

  return {
    recordRequest({ method, route, status, seconds, isCut }: AnsweredRequest): void {
      const name = route === '' ? NO_ROUTE : route
      requests.inc({ method, route: name, status })
      durations.observe({ method, route: name }, seconds)
      if (isCut) cut.inc({ route: name })
    },
    watch: traffic.watch,
    collect: traffic.collect
  }
}

/** Bytes are counted by the sockets themselves, and read from the open ones at each scrape: requests cost nothing. */
function createTraffic(registry: Registry) {
  const registers = [registry]
  const sent = new Counter({
    name: 'fixdepot_http_sent_bytes_total',
    help: 'Bytes that were sent to clients, heads included.',
    registers
  })
  const received = new Counter({
    name: 'fixdepot_http_received_bytes_total',
    help: 'Bytes that clients have sent, heads included.',
    registers
  })
  const connections = new Gauge({ name: 'fixdepot_http_connections', help: 'Connections that are open.', registers })
  /** The open ones, with what was counted of them already. */
  const open = new Map<Socket, { sent: number; received: number }>()

  function count(socket: Socket, counted: { sent: number; received: number }): void {
    const now = { sent: socket.bytesWritten, received: socket.bytesRead }
    sent.inc(Math.max(0, now.sent - counted.sent))
    received.inc(Math.max(0, now.received - counted.received))
    counted.sent = Math.max(counted.sent, now.sent)
    counted.received = Math.max(counted.received, now.received)
  }

  return {
    /** Counts what this server's connections carry; with TLS, what is inside of it. */
    watch(server: Server): void {
      const isSecure = 'setSecureContext' in server
      server.on(isSecure ? 'secureConnection' : 'connection', (socket: Socket) => {
        const counted = { sent: 0, received: 0 }
        open.set(socket, counted)
        socket.once('close', () => {
          count(socket, counted)
          open.delete(socket)
        })
      })
    },
    collect(): void {
      for (const [socket, counted] of open) count(socket, counted)
      connections.set(open.size)
    }
  }
}
