/**
 * Parses bodies as clients of the appliance send them: JSON with a charset, without a content type or with that of a
 * form, and empty bodies with the content type of JSON. Fastify's own parser refuses all of these.
 */
import type { FastifyInstance } from 'fastify'

/** Enough for 100,000 long fixids, so that the schema answers for the number of fixids before this limit does. */
export const BODY_LIMIT_BYTES = 16 * 1024 * 1024

const CHARSET = /charset\s*=\s*"?([A-Za-z0-9._-]+)/i

export function registerLenientJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES }, (request, body, done) => {
    const text = decode(body as Buffer, request.headers['content-type'] ?? '').trim()
    if (text === '') done(null, undefined)
    else parse(request, text, done)
  })
}

function decode(body: Buffer, contentType: string): string {
  const charset = CHARSET.exec(contentType)?.[1] ?? 'utf-8'
  try {
    return new TextDecoder(charset).decode(body)
  } catch {
    return new TextDecoder().decode(body)
  }
}
