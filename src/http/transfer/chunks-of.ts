import { finished, type Readable } from 'node:stream'

/** The stream is paused while so many bytes wait. */
const HIGH_WATER_BYTES = 512 * 1024

/**
 * The chunks of a stream as they come. A stream's own iterator joins those that wait into a new buffer, which for a
 * fast upload is a copy of all of it.
 * @throws what the stream fails with
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
  // Also for one that has ended or failed before anybody looked.
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
