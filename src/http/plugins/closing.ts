/**
 * While the server stops, requests in progress are answered, and new requests on open connections are refused with 503.
 */
import type { FastifyInstance } from 'fastify'
import { Problem } from '../../core/problems/problem.ts'

/**
 * Needs `return503OnClosing: false`: Fastify's own answer does not match the OpenAPI document.
 * @returns a function that returns whether the server stops
 */
export function registerClosing(app: FastifyInstance): () => boolean {
  let isClosing = false
  app.addHook('preClose', (done) => {
    isClosing = true
    done()
  })
  app.addHook('onRequest', (request, _reply, done) => {
    // Probes get the state of the server.
    if (!isClosing || request.url.startsWith('/health/')) done()
    else done(new Problem('SERVER_CLOSING', 'The server is stopping.'))
  })
  return () => isClosing
}
