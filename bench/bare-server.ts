/**
 * A process that answers every request with the same few bytes. Its latency is that of the machine, without any work of
 * a server. It prints its URL.
 */
import http from 'node:http'
import type { AddressInfo } from 'node:net'

const ANSWER = JSON.stringify({ progress: 50, state: 'running' })

const server = http.createServer((_request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(ANSWER)
})
// A connection that the server closes while a client reuses it would count as a failure.
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
