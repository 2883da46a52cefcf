/** What is packed in deflated form, and how much is gained by it. */

/** The deflated form of a file's content: raw deflate, as it stands in an archive. */
export interface Deflated {
  /** Bytes. */
  readonly size: number
  /** Of the deflated bytes, unsigned. */
  readonly crc32: number
}

/** Smaller files are stored: there is little to gain, and a file in the cache for each. */
export const MIN_DEFLATED_FILE_BYTES = 64 * 1024

/** It takes at least a tenth off; less is not worth the room in the cache. */
const WORTHWHILE_SHARE = 0.9

/** What shrinks more is padding, and refused as a bomb by those who unpack archives from others: this server too. */
const MAX_RATIO = 100

export function isWorthwhile(size: number, deflatedSize: number): boolean {
  return deflatedSize <= size * WORTHWHILE_SHARE && size <= deflatedSize * MAX_RATIO
}
