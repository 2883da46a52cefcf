/**
 * Takes the files out of a body of multipart/form-data (RFC 7578) while it comes, with no more of it in memory than a
 * few buffers.
 */
import type { IncomingMessage } from 'node:http'
import { Busboy, type BusboyFileStream, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy'
import type { ReceivedFile, UploadSink } from '../../core/import/import.ts'
import { checkUploadName, quoteName } from '../../core/import/upload-name.ts'
import { Problem } from '../../core/problems/problem.ts'
import { chunksOf, lendChunks } from './upload-chunks.ts'

/** As many files as a few hundred packages have; whoever has more sends an archive. */
const MAX_FILES = 2_000
const MAX_FIELDS = 100
const MAX_FIELD_BYTES = 64 * 1024

/** What a body may have beside the content of its files: heads of parts, fields, and what is before the first part. */
const MAX_OVERHEAD_BYTES = 16 * 1024 * 1024

/** Whoever sends nothing for so long has gone. */
const IDLE_MS = 60_000

/** Reads of the network are that large where it is fast. */
const BUFFER_BYTES = 1024 * 1024

/** Who writes a file has done with a chunk before it takes so much more. */
const LENT_BYTES = 3 * BUFFER_BYTES

/**
 * @param request whose body nobody has read from yet
 * @returns the files, when all of them are on the disk; at least one
 * @throws Problem UPLOAD_BROKEN or IMPORT_REFUSED, or the system's error; then the rest of the body is not read
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
    // One after the other: each takes memory while it is written.
    last = last.then(() => sink.receive(name, counted(file)))
    return last as Promise<ReceivedFile>
  }

  const parsed = new Promise<void>((resolve, reject) => {
    const refuse = (text: string) => reject(new Problem('UPLOAD_BROKEN', text))
    parser.on('file', (_field, file, given) => {
      streams.push(file)
      // It is told to whoever reads it, if anybody does.
      file.on('error', () => {})
      try {
        const received = receive(file, given ?? '')
        // The first failure ends everything; the others are not looked at.
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
        refuse('The body is hardly more than its own framing.')
    })
    request.on('close', () => {
      if (!request.readableEnded) refuse('The body has ended too early.')
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
    // The parser does not end them, and whoever writes a file waits for its end.
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
      // A path in a name is refused, and not cut off in silence.
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
