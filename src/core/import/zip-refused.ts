/** A .zip from outside that is not unpacked; the message says why, and names the entry that is to blame. */
export class ZipRefused extends Error {
  override readonly name = 'ZipRefused'
}
