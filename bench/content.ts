/** Content of the files of a corpus. The same key and size give the same bytes. */
import { createCipheriv, createHash } from 'node:crypto'

/** Generates the content of a file. @param key unique among the files */
export type ContentMaker = (key: string, bytes: number) => Buffer

/** Incompressible bytes, as in most firmware. */
export const noise: ContentMaker = (key, bytes) => {
  const secret = createHash('sha256').update(key).digest()
  return createCipheriv('aes-128-ctr', secret.subarray(0, 16), secret.subarray(16)).update(Buffer.alloc(bytes))
}

/** One line, repeated. */
export const prose: ContentMaker = (key, bytes) =>
  Buffer.alloc(bytes, `This is a line about ${key}, which is no firmware.\n`)
