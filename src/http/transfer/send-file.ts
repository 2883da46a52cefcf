/**
 * Sends a file, whole or in part, so that a download that was cut can be taken up again (RFC 9110, sections 13 and 14).
 */
import type { OutgoingHttpHeaders } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import parseRange from 'range-parser'
import type { Archives } from '../../core/export/archive.ts'
import { Problem } from '../../core/problems/problem.ts'
import type { ByteRange, OpenFile } from '../../core/storage/open-file.ts'
import { attachmentOf } from './content-disposition.ts'
import { sendBytes } from './send-bytes.ts'

const FILE_HEADERS = [
  'accept-ranges',
  'cache-control',
  'content-disposition',
  'content-length',
  'content-range',
  'etag',
  'last-modified'
]

/** What of the file stays in an answer that leads to where it can be had. */
const HEADERS_OF_LINKS: ReadonlySet<string> = new Set(['etag'])

/** Conditions with an ETag of ours: who follows a link repeats them there, where the file has another one. */
const OWN_CONDITIONS = ['if-range', 'if-match'] as const

/**
 * Answers with the file, or with the part of it that is asked for, and closes it.
 * @param linkTo makes a URL that has the file: then who asks for its bytes is led there, unless they name our ETag
 * @throws Problem when the range begins behind the end, and what reading the first bytes fails with: then nothing was
 * sent. What fails later cuts the connection.
 */
export async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  file: OpenFile,
  linkTo?: Archives['linkTo']
): Promise<void> {
  try {
    await answer(request, reply, file, linkTo)
  } catch (error) {
    if (!reply.sent) throw error
    // The head is sent: all that is left is to say so in the log.
    if (error instanceof Problem) request.log.warn({ problem: error.code, text: error.message }, 'download cut')
    else request.log.error({ err: error }, 'download failed')
  } finally {
    await file.close()
  }
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  file: OpenFile,
  linkTo: Archives['linkTo']
): Promise<void> {
  const etag = `"${file.digest}"`
  const lastModified = file.modifiedAt.toUTCString()
  reply.headers({
    'accept-ranges': 'bytes',
    'content-disposition': attachmentOf(file.name),
    etag,
    'last-modified': lastModified
  })
  if (isNotModified(request, etag, file.modifiedAt)) return reply.code(304).send()
  const range = requestedRange(request, file.size, etag, lastModified)
  if (range === 'unsatisfiable') {
    reply.removeHeader('content-disposition').header('content-range', `bytes */${file.size}`)
    throw new Problem('RANGE_UNSATISFIABLE', `The file ${file.name} has ${file.size} bytes.`)
  }
  if (linkTo !== undefined && request.method === 'GET' && OWN_CONDITIONS.every((name) => !(name in request.headers)))
    return leadAway(request, reply, file, linkTo)
  const { start, end } = range ?? { start: 0, end: file.size - 1 }
  reply.type(file.contentType).header('content-length', end - start + 1)
  if (range !== undefined) reply.code(206).header('content-range', `bytes ${start}-${end}/${file.size}`)
  // Past Fastify, whose streams make a new buffer for every read, and which gives an empty HEAD the length 0.
  const begin = async () => {
    await request.recordDownload(reply.statusCode)
    reply.hijack()
    reply.raw.writeHead(reply.statusCode, reply.getHeaders() as OutgoingHttpHeaders)
  }
  if (request.method === 'HEAD') {
    await begin()
    reply.raw.end()
    return
  }
  await sendBytes(reply.raw, file, { start, end }, begin).catch((error) => {
    // Nothing was sent, and the answer is not about the file any more.
    if (!reply.sent) for (const name of FILE_HEADERS) reply.removeHeader(name)
    throw error
  })
}

/** The URL is a secret: nobody keeps this answer, and no log has it. */
async function leadAway(
  request: FastifyRequest,
  reply: FastifyReply,
  file: OpenFile,
  linkTo: NonNullable<Archives['linkTo']>
): Promise<void> {
  for (const name of FILE_HEADERS) if (!HEADERS_OF_LINKS.has(name)) reply.removeHeader(name)
  try {
    const { name, contentType } = file
    const url = await linkTo(name, { contentType, contentDisposition: attachmentOf(name) })
    await request.recordDownload(302)
    reply.header('cache-control', 'no-store').redirect(url, 302)
  } catch (error) {
    for (const name of HEADERS_OF_LINKS) reply.removeHeader(name)
    throw error
  }
}

/** If-None-Match counts before If-Modified-Since (RFC 9110, 13.2.2). */
function isNotModified(request: FastifyRequest, etag: string, modifiedAt: Date): boolean {
  const { 'if-none-match': tags, 'if-modified-since': since } = request.headers
  if (tags !== undefined) {
    return tags.trim() === '*' || tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
  }
  return since !== undefined && wholeSeconds(modifiedAt) <= Date.parse(since)
}

/** Undefined stands for all of it: no range was asked for, or one that may be ignored. */
function requestedRange(
  request: FastifyRequest,
  size: number,
  etag: string,
  lastModified: string
): ByteRange | 'unsatisfiable' | undefined {
  const { range, 'if-range': ifRange } = request.headers
  // Nothing has no parts: whoever asks for one of an empty file has it with the headers.
  if (range === undefined || size === 0) return undefined
  // Part of another file than the client has begun to download would make its copy worthless.
  if (ifRange !== undefined && ifRange !== etag && ifRange !== lastModified) return undefined
  // RFC 9110, 14.1.2: a suffix longer than the file is all of it; range-parser takes it for unsatisfiable.
  const suffix = Number(/^bytes=-(\d+)$/.exec(range.trim())?.[1])
  if (suffix >= size) return { start: 0, end: size - 1 }
  const ranges = parseRange(size, range, { combine: true })
  if (ranges === -1) return 'unsatisfiable'
  if (ranges === -2 || ranges.type !== 'bytes') return undefined
  const [only, another] = ranges
  return another === undefined ? only : undefined
}

/** HTTP dates have no fractions. */
function wholeSeconds(time: Date): number {
  return Math.floor(time.getTime() / 1000) * 1000
}
