/** An object that is open for reading: a sequential read uses one stream, and any other position opens a new one. */
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { StorageError } from '../../core/problems/storage-error.ts'
import type { OpenFile } from '../../core/storage/open-file.ts'
import type { Bucket } from './bucket.ts'
import { toStorageError } from './s3-error.ts'

export interface ObjectFacts extends Omit<OpenFile, 'readInto' | 'close'> {
  readonly key: string
  /** Of the object: another object that replaces it under its key is not read. */
  readonly etag: string | undefined
}

/** Pauses before the attempts to reopen a broken stream; short, because a client waits for the bytes. */
const PAUSES_MS = [100, 500, 2_000]

/** For one reader. A slow reader holds a connection, and no memory beyond the buffer of that connection. */
export function openObject(bucket: Bucket, { key, etag, ...facts }: ObjectFacts): OpenFile {
  const closing = new AbortController()
  let stream: Readable | undefined
  let chunks: AsyncIterator<Buffer> | undefined
  /** Bytes of the stream that were received and not returned yet, and their position in the object. */
  let rest: Buffer = Buffer.alloc(0)
  let position = 0

  function closeStream(): void {
    stream?.destroy()
    stream = undefined
    chunks = undefined
    rest = Buffer.alloc(0)
  }

  async function seek(start: number, end: number): Promise<void> {
    closeStream()
    const range = { Bucket: bucket.name, Key: key, IfMatch: etag, Range: `bytes=${start}-${end}` }
    const answer = await bucket.request((s3, options) => s3.getObject(range, options), { signal: closing.signal })
    stream = answer.Body as Readable
    chunks = stream[Symbol.asyncIterator]()
    position = start
  }

  async function fill(buffer: Uint8Array): Promise<number> {
    let filled = 0
    while (filled < buffer.length) {
      if (rest.length === 0) {
        const { done, value } = (await chunks?.next()) ?? { done: true }
        if (done) break
        rest = value
      }
      const copied = rest.copy(buffer, filled)
      rest = rest.subarray(copied)
      filled += copied
      position += copied
    }
    if (filled === 0) throw new StorageError(`The storage of archives ended ${facts.name} too early.`, true)
    return filled
  }

  return {
    ...facts,
    async readInto(buffer, from, end = facts.size - 1) {
      if (from >= facts.size || buffer.length === 0) return 0
      for (const pauseMs of [...PAUSES_MS, undefined]) {
        try {
          if (chunks === undefined || from !== position) await seek(from, Math.max(from, end))
          return await fill(buffer)
        } catch (thrown) {
          closeStream()
          const error = toStorageError(thrown)
          const isTransient = error instanceof StorageError && error.isTransient
          if (!isTransient || pauseMs === undefined || closing.signal.aborted) throw error
          await delay(pauseMs, undefined, { signal: closing.signal })
        }
      }
      return 0
    },
    async close() {
      closing.abort()
      closeStream()
    }
  }
}
