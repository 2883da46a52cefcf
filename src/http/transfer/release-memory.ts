/**
 * Frees large memory at once. If that is left to the garbage collector, megabytes that come and go make it mark the
 * whole heap, which takes a tenth to a quarter of the time.
 * @param bytes no other view of their memory may be in use: they are empty afterwards. Bytes in Node's pool of small
 * buffers are not freed
 */
export function release({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0)
}
