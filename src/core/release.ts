/**
 * Gives large memory back at once. Left to the garbage collector, megabytes that come and go have it mark the whole
 * heap, for a tenth to a quarter of the time.
 * @param bytes nobody else has a view of their memory; they are empty afterwards. What lies in Node's pool of small
 * buffers stays
 */
export function release({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0)
}
