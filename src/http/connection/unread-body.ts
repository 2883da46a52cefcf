import type { FastifyReply, FastifyRequest } from 'fastify'

/** How long the client can still send before the connection is closed. */
const LINGER_MS = 5_000

/**
 * Call it in `onSend`: closes the connection after an answer that is sent before the body has been read completely,
 * since the rest of the body would precede the next request. The server closes late: a close while bytes of the client
 * are in transit is a reset, and the client can lose the answer (RFC 9112, 9.6).
 */
export function closeAfterUnreadBody({ raw }: FastifyRequest, reply: FastifyReply): void {
  if (raw.readableEnded) return
  reply.header('connection', 'close')
  const { socket } = raw
  // Node calls this to close a connection after its last answer.
  socket.destroySoon = () => {
    raw.resume()
    socket.end()
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(timer))
    raw.once('end', () => socket.destroy())
  }
}
