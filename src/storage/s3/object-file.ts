/**
 * An object that is open for reading: one stream as long as it is read in its order, and a new one wherever else
 * somebody begins.
 */
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { StorageError } from '../../core/problems/storage-error.ts'
import type { OpenFile } from '../../core/storage/open-file.ts'
import type { Bucket } from './bucket.ts'
import { toStorageError } from './storage-error.ts'

export interface ObjectFacts extends Omit<OpenFile, 'readInto' | 'close'> {
  readonly key: string
  /** Of the object: what comes later under its key is not read. */
  readonly etag: string | undefined
}

/** How long a stream that broke is waited for: somebody waits for these bytes. */
const PAUSES_MS = [100, 500, 2_000]

/** For one reader at a time. Who takes slowly holds a connection, and no more memory than that has by itself. */
export function openObject(bucket: Bucket, { key, etag, ...facts }: ObjectFacts): OpenFile {
  const closing = new AbortController()
  let stream: Readable | undefined
  let chunks: AsyncIterator<Buffer> | undefined
  /** What of the stream has been taken and not given yet, and where it is of the object. */
  let rest: Buffer = Buffer.alloc(0)
  let position = 0

  function leave(): void {
    stream?.destroy()
    stream = undefined
    chunks = undefined
    rest = Buffer.alloc(0)
  }

  async function seek(start: number, end: number): Promise<void> {
    leave()
    const answer = await bucket.ask(
      (s3, options) =>
        s3.getObject({ Bucket: bucket.name, Key: key, IfMatch: etag, Range: `bytes=${start}-${end}` }, options),
      closing.signal
    )
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
          leave()
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
      leave()
    }
  }
}
