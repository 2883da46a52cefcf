/** What the files of a corpus are made of. The same key and size give the same bytes. */
import { createCipheriv, createHash } from 'node:crypto'

/** Makes the content of a file. @param key unlike that of other files */
export type ContentMaker = (key: string, bytes: number) => Buffer

/** Bytes that cannot be compressed, as those of most firmware cannot. */
export const noise: ContentMaker = (key, bytes) => {
  const secret = createHash('sha256').update(key).digest()
  return createCipheriv('aes-128-ctr', secret.subarray(0, 16), secret.subarray(16)).update(Buffer.alloc(bytes))
}

/** The same line again and again. */
export const prose: ContentMaker = (key, bytes) =>
  Buffer.alloc(bytes, `This is a line about ${key}, which is no firmware.\n`)
