/**
 * Chunks that are only lent. Left to the garbage collector, the chunks of a fast upload would have it mark the whole
 * heap some thirty times per gigabyte, which takes as long as a third of the upload and a tenth of a gigabyte of
 * memory.
 */

/** @param lentBytes a chunk ceases to be one when so many bytes behind it have been handed out */
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

/** Memory that it shares with other chunks, or with the pool of small buffers, stays. */
function release({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}
