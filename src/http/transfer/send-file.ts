/**
 * Sends a file, whole or in part, so that clients can resume a cut download (RFC 9110, sections 13 and 14).
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

/** Headers of the file that a redirection keeps. */
const HEADERS_OF_LINKS: ReadonlySet<string> = new Set(['etag'])

/** Conditions with our ETag: a client that follows the link repeats them at S3, where the file has another ETag. */
const OWN_CONDITIONS = ['if-range', 'if-match'] as const

/**
 * Answers with the file, or with the requested part, and closes it.
 * @param linkTo creates a URL of the file: then GET requests are redirected there, unless they name our ETag
 * @throws Problem RANGE_UNSATISFIABLE, or the error of the first read: then nothing was sent. Later errors are logged
 * and cut the connection.
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
    // The headers are sent, so the error can only be logged.
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
    return redirect(request, reply, file, linkTo)
  const { start, end } = range ?? { start: 0, end: file.size - 1 }
  reply.type(file.contentType).header('content-length', end - start + 1)
  if (range !== undefined) reply.code(206).header('content-range', `bytes ${start}-${end}/${file.size}`)
  // Bypasses Fastify: its streams allocate a buffer for every read, and it gives HEAD answers the length 0.
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
    // Nothing was sent, and the answer becomes an error.
    if (!reply.sent) for (const name of FILE_HEADERS) reply.removeHeader(name)
    throw error
  })
}

/** The URL is a secret: the answer is not cached, and the URL is not logged. */
async function redirect(
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

/** If-None-Match takes precedence over If-Modified-Since (RFC 9110, 13.2.2). */
function isNotModified(request: FastifyRequest, etag: string, modifiedAt: Date): boolean {
  const { 'if-none-match': tags, 'if-modified-since': since } = request.headers
  if (tags !== undefined) {
    return tags.trim() === '*' || tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
  }
  return since !== undefined && wholeSeconds(modifiedAt) <= Date.parse(since)
}

/** Undefined: the whole file, since there is no range, or one that is ignored. */
function requestedRange(
  request: FastifyRequest,
  size: number,
  etag: string,
  lastModified: string
): ByteRange | 'unsatisfiable' | undefined {
  const { range, 'if-range': ifRange } = request.headers
  // An empty file has no ranges.
  if (range === undefined || size === 0) return undefined
  // A part of a changed file would corrupt the client's copy.
  if (ifRange !== undefined && ifRange !== etag && ifRange !== lastModified) return undefined
  // RFC 9110, 14.1.2: a suffix longer than the file is the whole file; range-parser calls it unsatisfiable.
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
