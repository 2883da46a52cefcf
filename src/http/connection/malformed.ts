/** Answers malformed requests with the common error body. */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { Problem } from '../../core/problems/problem.ts'
import { errorBody } from '../bodies/result-body.ts'

/** Error codes of Node's parser that have an answer of their own. */
const KNOWN: Readonly<Record<string, { readonly status: number; readonly text: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, text: 'The request headers are too large.' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, text: 'The chunk extensions of the body are too large.' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, text: 'The request headers did not arrive in time.' }
}

const MALFORMED = { status: 400, text: 'The request is not valid HTTP/1.1.' }

/** For Fastify's `clientErrorHandler`: answers if possible, and closes the connection. */
export function answerMalformed(error: { readonly code?: string | undefined }, socket: Socket): void {
  const { code = '' } = error
  // No answer is possible after a part of another answer, or when the client has disconnected.
  const isInAnswer = (socket as { _httpMessage?: { _header?: unknown } | null })._httpMessage?._header
  if (code === 'ECONNRESET' || !socket.writable || isInAnswer) {
    socket.destroy()
    return
  }
  const { status, text } = KNOWN[code] ?? MALFORMED
  const body = JSON.stringify(errorBody([new Problem('REQUEST_MALFORMED', text).userMessage]))
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'X-Content-Type-Options: nosniff',
    'Connection: close'
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroySoon())
}
