import type { IncomingMessage } from 'node:http'

/** Whoever has not read the answer by then does not look for it. */
const LINGER_MS = 5_000

/**
 * For an answer that is given before the body has been read: the connection is closed after it, but not at once. A
 * close while bytes of the client are under way is a reset, which can take the answer away from it (RFC 9112, 9.6).
 */
export function lingerAfterAnswer(request: IncomingMessage): void {
  const { socket } = request
  // This is how Node closes a connection whose last answer is sent.
  socket.destroySoon = () => {
    request.resume()
    socket.end()
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(timer))
    request.once('end', () => socket.destroy())
  }
}
