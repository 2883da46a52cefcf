/** An answer that goes on: Server-Sent Events, as the HTML standard has them (section 9.2). */
import type { OutgoingHttpHeaders } from 'node:http'
import { finished } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'

export interface ServerEvent {
  /** The client names it when it comes back after a break. */
  readonly id: string
  readonly event: string
  readonly data: object
}

export interface EventStream {
  /** Does nothing once the stream has ended. */
  send(event: ServerEvent): void
  /** Resolves when the client has taken most of what was sent, or has gone. */
  drained(): Promise<void>
  close(): void
  /** Resolves when the client has gone, or the stream was closed. */
  readonly closed: Promise<void>
}

/** How long a client waits before it comes back. */
const RETRY_MS = 2_000

/** Proxies cut what is silent for a minute. */
const HEARTBEAT_MS = 15_000

/** A client that does not take what it is sent is cut, and comes back when it likes. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024

export interface EventStreamOptions {
  /** Asked with every heartbeat; a client that is not welcome any more is cut, as after the end of its session. */
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
    const isKept = await isTrusted().catch(() => false)
    if (!isKept) raw.end()
    else if (!raw.writableEnded) raw.write(':\n\n')
  }, heartbeatMs)
  const closed = new Promise<void>((resolve) => {
    // Also for a client that went before this was asked.
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
        request.log.info({ unsentBytes: raw.writableLength }, 'a client that takes no events was cut')
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
