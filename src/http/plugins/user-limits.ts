/** Limits the transfers of a kind that one user has in progress. */
import { finished } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { UserLimits } from '../../core/accounts/protection.ts'
import { Problem } from '../../core/problems/problem.ts'

export type Transfer = 'uploads' | 'downloads' | 'streams'

const NOUNS: Readonly<Record<Transfer, string>> = {
  uploads: 'uploads',
  downloads: 'downloads',
  streams: 'streams of events'
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Counts a transfer of the user of the request until the answer ends.
     * @throws Problem LIMIT_REACHED when the user has the maximum in progress
     */
    beginTransfer(kind: Transfer, request: FastifyRequest, reply: FastifyReply): void
  }
}

export function registerUserLimits(app: FastifyInstance, limits: UserLimits): void {
  const counts: Readonly<Record<Transfer, Map<string, number>>> = {
    uploads: new Map(),
    downloads: new Map(),
    streams: new Map()
  }
  app.decorate('beginTransfer', (kind, { userName }, reply) => {
    const [counted, limit] = [counts[kind], limits[kind]]
    const before = counted.get(userName) ?? 0
    if (before >= limit) {
      throw new Problem(
        'LIMIT_REACHED',
        `The user ${userName} has ${before} ${NOUNS[kind]} in progress, which is the maximum.`
      )
    }
    counted.set(userName, before + 1)
    // Also called for a client that has already disconnected.
    finished(reply.raw, () => {
      const left = (counted.get(userName) ?? 1) - 1
      if (left === 0) counted.delete(userName)
      else counted.set(userName, left)
    })
  })
}
