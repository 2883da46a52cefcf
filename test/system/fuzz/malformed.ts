/** Malformed requests, as bytes. */
import fc from 'fast-check'
import { chance, type Generator, nastyText, pick } from './values.ts'

const HEADS: readonly ((host: string, text: string) => string)[] = [
  (_host, text) => text,
  () => '\r\n\r\n\r\n',
  () => 'GET\r\n\r\n',
  () => 'GET / HTTP/9.9\r\n\r\n',
  () => 'GET / HTTP/1.0\r\n\r\n',
  () => 'GET / HTTP/1.1\r\n\r\n',
  (host) => `GET / HTTP/1.1\r\nHost: ${host}\r\nHost: other\r\n\r\n`,
  (host, text) => `GET /${text} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  (host, text) => `GET /tasks HTTP/1.1\r\nHost: ${host}\r\nX: ${text}\r\n\r\n`,
  (host, text) => `GET /tasks HTTP/1.1\r\nHost: ${host}\r\n${text}: x\r\n\r\n`,
  (host) => `GET http://elsewhere.example/tasks HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  (host) => `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  (host) => `PUT /updateRepositories/firmware HTTP/1.1\r\nHost: ${host}\r\nContent-Length: -1\r\n\r\n`,
  (host) =>
    `PUT /updateRepositories/firmware HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef`,
  (host) =>
    `POST /sessions HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n`,
  (host) => `POST /sessions HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n`,
  (host) => `POST /sessions HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  (host) => `POST /sessions HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: identity\r\n\r\n{}`,
  (host) => `POST /sessions HTTP/1.1\r\nHost: ${host}\r\nExpect: nonsense\r\nContent-Length: 2\r\n\r\n{}`,
  (host) => `GET /tasks HTTP/1.1\r\nHost: ${host}\r\n folded: yes\r\n\r\n`,
  (host) => `GET /tasks HTTP/1.1\r\nHost : ${host}\r\n\r\n`,
  (host) => `GET /tasks HTTP/1.1\r\nHost: ${host}\r\n${'A: b\r\n'.repeat(3_000)}\r\n`,
  (host) => `GET /${'x'.repeat(40_000)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
]

/** The caller ends the connection after these bytes, so that the server does not wait for more. */
export function malformedRequest(g: Generator, host: string): Buffer {
  const bytes = Buffer.from(pick(g, HEADS)(host, nastyText(g)), 'latin1')
  const spoiledAt = g(fc.nat, bytes.length)
  if (chance(g, 30) && spoiledAt < bytes.length) bytes[spoiledAt] = g(fc.nat, 255)
  return bytes
}
