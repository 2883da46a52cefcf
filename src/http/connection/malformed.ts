/** Answers what is no request of HTTP, in the form that all errors have. */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { Problem } from '../../core/problems/problem.ts'
import { errorBody } from '../bodies/result-body.ts'

/** As Node's parser names what is wrong, where it is not simply malformed. */
const KNOWN: Readonly<Record<string, { readonly status: number; readonly text: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, text: 'The head of the request is longer than is read.' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, text: 'The chunks of the body say more than is read.' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, text: 'The head of the request did not come in time.' }
}

const MALFORMED = { status: 400, text: 'What was sent is not a request of HTTP/1.1.' }

/** For Fastify's `clientErrorHandler`: answers if that is still possible, and closes the connection. */
export function answerMalformed(error: { readonly code?: string | undefined }, socket: Socket): void {
  const { code = '' } = error
  // After a part of another answer, or where nobody listens any more.
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
