/**
 * Receives the files of a multipart/form-data body (RFC 7578) as a stream, with only a few buffers in memory.
 */
import type { IncomingMessage } from 'node:http'
import { Busboy, type BusboyFileStream, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy'
import type { ReceivedFile, UploadSink } from '../../core/import/import.ts'
import { checkUploadName, quoteName } from '../../core/import/upload-name.ts'
import { Problem } from '../../core/problems/problem.ts'
import { chunksOf, lendChunks } from './upload-chunks.ts'

/** The files of a few hundred packages; more files must be sent as an archive. */
const MAX_FILES = 2_000
const MAX_FIELDS = 100
const MAX_FIELD_BYTES = 64 * 1024

/** Limit for everything except the content of files: headers of parts, fields, and the preamble. */
const MAX_OVERHEAD_BYTES = 16 * 1024 * 1024

/** Without data for this time, the client counts as disconnected. */
const IDLE_MS = 60_000

/** The size of reads from a fast network. */
const BUFFER_BYTES = 1024 * 1024

/** The writer of a file has written a chunk before it takes this many more bytes. */
const LENT_BYTES = 3 * BUFFER_BYTES

/**
 * @param request its body must be unread
 * @returns the files, at least one, once all of them are on the disk
 * @throws Problem UPLOAD_BROKEN or IMPORT_REFUSED, or a system error; then the rest of the body is not read
 */
export async function receiveUpload(request: IncomingMessage, sink: UploadSink): Promise<ReceivedFile[]> {
  const parser = createParser(request)
  const receiving: Promise<ReceivedFile>[] = []
  const streams: BusboyFileStream[] = []
  const names = new Set<string>()
  let last: Promise<unknown> = Promise.resolve()
  const idle = setTimeout(() => request.destroy(), IDLE_MS)
  let rawBytes = 0
  let fileBytes = 0

  async function* counted(file: BusboyFileStream): AsyncGenerator<Buffer> {
    for await (const chunk of lendChunks(chunksOf(file), LENT_BYTES)) {
      fileBytes += chunk.length
      yield chunk
    }
  }

  function receive(file: BusboyFileStream, given: string): Promise<ReceivedFile> {
    const name = checkUploadName(given)
    if (names.has(name)) throw new Problem('IMPORT_REFUSED', `The file ${quoteName(name)} was sent twice.`)
    names.add(name)
    // Sequentially: each file takes memory while it is written.
    last = last.then(() => sink.receive(name, counted(file)))
    return last as Promise<ReceivedFile>
  }

  const parsed = new Promise<void>((resolve, reject) => {
    const refuse = (text: string) => reject(new Problem('UPLOAD_BROKEN', text))
    parser.on('file', (_field, file, given) => {
      streams.push(file)
      // The consumer of the stream gets the error, if there is one.
      file.on('error', () => {})
      try {
        const received = receive(file, given ?? '')
        // The first error ends the upload; later ones are ignored.
        received.catch(reject)
        receiving.push(received)
      } catch (error) {
        reject(error)
      }
    })
    parser.on('filesLimit', () => refuse(`The body has more than ${MAX_FILES} files; send them as an archive.`))
    parser.on('fieldsLimit', () => refuse(`The body has more than ${MAX_FIELDS} fields.`))
    parser.on('partsLimit', () => refuse('The body has too many parts.'))
    parser.on('error', (error) => refuse(`The body cannot be read: ${(error as Error).message}.`))
    parser.on('finish', resolve)
    request.on('data', (chunk: Buffer) => {
      idle.refresh()
      rawBytes += chunk.length
      if (rawBytes - fileBytes > MAX_OVERHEAD_BYTES + BUFFER_BYTES)
        refuse('The body has too few file bytes for its size.')
    })
    request.on('close', () => {
      if (!request.readableEnded) refuse('The body ended too early.')
    })
  })
  request.pipe(parser)
  try {
    await parsed
    const files = await Promise.all(receiving)
    if (files.length === 0) throw new Problem('UPLOAD_BROKEN', 'The body has no file.')
    return files
  } catch (error) {
    request.unpipe(parser)
    parser.destroy()
    // The parser does not end the streams, and the writers wait for their ends.
    for (const stream of streams) stream.destroy(new Error('the upload has failed'))
    await Promise.allSettled(receiving)
    throw error
  } finally {
    clearTimeout(idle)
  }
}

function createParser(request: IncomingMessage): BusboyInstance {
  try {
    return new Busboy({
      headers: request.headers as BusboyHeaders,
      // Keeps the path of a name, so that it is refused instead of silently removed.
      preservePath: true,
      highWaterMark: BUFFER_BYTES,
      limits: {
        files: MAX_FILES,
        fields: MAX_FIELDS,
        fieldSize: MAX_FIELD_BYTES,
        parts: MAX_FILES + MAX_FIELDS,
        headerPairs: 20
      },
      isPartAFile: (_field, _type, fileName) => fileName !== undefined
    })
  } catch (cause) {
    throw new Problem('UPLOAD_BROKEN', `The body cannot be read: ${(cause as Error).message}.`, { cause })
  }
}
