/** Server-Sent Events (HTML standard, section 9.2). */
import type { OutgoingHttpHeaders } from 'node:http'
import { finished } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'

export interface ServerEvent {
  /** The client sends it as `Last-Event-ID` when it reconnects. */
  readonly id: string
  readonly event: string
  readonly data: object
}

export interface EventStream {
  /** Does nothing after the end of the stream. */
  send(event: ServerEvent): void
  /** Resolves when the client has received most of the sent bytes, or has disconnected. */
  drained(): Promise<void>
  close(): void
  /** Resolves when the client has disconnected, or the stream is closed. */
  readonly closed: Promise<void>
}

/** How long a client waits before it reconnects. */
const RETRY_MS = 2_000

/** Proxies close connections that are silent for a minute. */
const HEARTBEAT_MS = 15_000

/** With more unsent bytes, the client is disconnected; it can reconnect. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024

export interface EventStreamOptions {
  /** Called with every heartbeat; false ends the stream, as after the end of the session. */
  readonly isTrusted: () => Promise<boolean>
  readonly heartbeatMs?: number
}

export function openEventStream(
  request: FastifyRequest,
  reply: FastifyReply,
  { isTrusted, heartbeatMs = HEARTBEAT_MS }: EventStreamOptions
): EventStream {
  const { raw } = reply
  const headers = { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' }
  reply.hijack()
  raw.writeHead(200, { ...reply.getHeaders(), ...headers } as OutgoingHttpHeaders)
  raw.write(`retry: ${RETRY_MS}\n\n`)
  const heartbeat = setInterval(async () => {
    const isAllowed = await isTrusted().catch(() => false)
    if (!isAllowed) raw.end()
    else if (!raw.writableEnded) raw.write(':\n\n')
  }, heartbeatMs)
  const closed = new Promise<void>((resolve) => {
    // Also called for a client that has already disconnected.
    finished(raw, () => {
      clearInterval(heartbeat)
      resolve()
    })
  })
  return {
    closed,
    close: () => raw.end(),
    send({ id, event, data }) {
      if (raw.writableEnded || raw.destroyed) return
      raw.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
      if (raw.writableLength > MAX_UNSENT_BYTES) {
        request.log.info({ unsentBytes: raw.writableLength }, 'a client that receives no events was disconnected')
        raw.destroy()
      }
    },
    async drained() {
      if (!raw.writableNeedDrain || raw.destroyed) return
      const drain = Promise.withResolvers<void>()
      raw.once('drain', drain.resolve)
      await Promise.race([drain.promise, closed])
    }
  }
}
