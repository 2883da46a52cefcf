/**
 * While the server ends: requests in flight get their answer, new ones on connections that are still open are refused
 * with a sentence.
 */
import type { FastifyInstance } from 'fastify'
import { Problem } from '../../core/problems/problem.ts'

/**
 * Goes with `return503OnClosing: false`: Fastify's own answer is none that the API's description has.
 * @returns whether the server ends
 */
export function registerClosing(app: FastifyInstance): () => boolean {
  let isClosing = false
  app.addHook('preClose', (done) => {
    isClosing = true
    done()
  })
  app.addHook('onRequest', (request, _reply, done) => {
    // Probes are told what is going on.
    if (!isClosing || request.url.startsWith('/health/')) done()
    else done(new Problem('SERVER_CLOSING', 'The server is being stopped.'))
  })
  return () => isClosing
}
