/** The chunks of an upload: read without copies, and freed soon after they are written. */
import { finished, type Readable } from 'node:stream'

/** The stream is paused while this many bytes wait. */
const HIGH_WATER_BYTES = 512 * 1024

/**
 * The chunks of a stream as they arrive. The stream's own iterator joins waiting chunks into a new buffer, which copies
 * all bytes of a fast upload.
 * @throws the error of the stream
 */
export async function* chunksOf(stream: Readable): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = []
  let bytes = 0
  let hasEnded = false
  let failure: unknown
  let alarm = Promise.withResolvers<void>()
  const wake = () => alarm.resolve()
  stream.on('data', (chunk: Buffer) => {
    waiting.push(chunk)
    bytes += chunk.length
    if (bytes >= HIGH_WATER_BYTES) stream.pause()
    wake()
  })
  // `finished` also reports a stream that ended or failed before this call.
  finished(stream, (error) => {
    failure ??= error
    hasEnded = true
    wake()
  })
  for (;;) {
    const chunks = waiting
    waiting = []
    bytes = 0
    yield* chunks
    if (failure !== undefined) throw failure
    if (waiting.length > 0) continue
    if (hasEnded) return
    stream.resume()
    await alarm.promise
    alarm = Promise.withResolvers()
  }
}

/**
 * Frees each chunk once `lentBytes` bytes after it have been yielded; the consumer must not keep it longer. If the
 * garbage collector freed the chunks of a fast upload, it would mark the whole heap some thirty times per gigabyte,
 * which takes a third of the upload's time and a tenth of a gigabyte of memory.
 */
export async function* lendChunks(chunks: AsyncIterable<Buffer>, lentBytes: number): AsyncGenerator<Buffer> {
  const lent: Buffer[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    lent.push(chunk)
    bytes += chunk.length
    yield chunk
    for (let oldest = lent[0]; oldest !== undefined && bytes - oldest.length >= lentBytes; oldest = lent[0]) {
      lent.shift()
      bytes -= oldest.length
      release(oldest)
    }
  }
}

/** Does not free memory that the chunk shares with other chunks or with Node's pool of small buffers. */
function release({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}
