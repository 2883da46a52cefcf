/**
 * A process that answers every request with the same few bytes and does nothing else: what it makes its clients wait is
 * what the machine makes everybody wait. It prints the URL at which it listens.
 */
import http from 'node:http'
import type { AddressInfo } from 'node:net'

const ANSWER = JSON.stringify({ progress: 50, state: 'running' })

const server = http.createServer((_request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(ANSWER)
})
// A connection that is closed just when it is used again would look like a failure.
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
