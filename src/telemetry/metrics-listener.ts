/** A listener for Prometheus alone: no login, plain HTTP, and nothing there but the numbers. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Metrics } from '../core/tasks/telemetry.ts'

/** After this time a scraper has its response, or has given up. */
const TIMEOUT_MS = 10_000
const MAX_CONNECTIONS = 32

export interface MetricsListener {
  /** Where it listens. */
  readonly url: string
  close(): Promise<void>
}

/**
 * @param port 0 takes any that is free
 * @param onError called if the metrics cannot be read
 * @throws the system's error if the address cannot be used
 */
export async function listenForScrapers(
  { host, port }: { readonly host: string; readonly port: number },
  metrics: Pick<Metrics, 'contentType' | 'read'>,
  onError: (error: unknown) => void
): Promise<MetricsListener> {
  const server = http.createServer(
    { requestTimeout: TIMEOUT_MS, headersTimeout: TIMEOUT_MS, connectionsCheckingInterval: TIMEOUT_MS },
    async (request, response) => {
      // There is nothing that a body could say.
      request.resume()
      if (request.url?.split('?', 1)[0] !== '/metrics') return answer(response, 404, 'There is only /metrics here.\n')
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return answer(response, 405, 'There is only GET here.\n')
      try {
        const text = await metrics.read()
        response.setHeader('content-type', metrics.contentType)
        answer(response, 200, text)
      } catch (error) {
        onError(error)
        answer(response, 500, 'The numbers could not be read; the log says why.\n')
      }
    }
  )
  server.maxConnections = MAX_CONNECTIONS
  server.listen(port, host)
  await once(server, 'listening')
  const { address, family, port: taken } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}/metrics`,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    }
  }
}

function answer(response: http.ServerResponse, status: number, text: string): void {
  if (!response.hasHeader('content-type')) response.setHeader('content-type', 'text/plain; charset=utf-8')
  response.setHeader('cache-control', 'no-store')
  response.writeHead(status, { 'content-length': Buffer.byteLength(text) }).end(text)
}
