/**
 * Sends requests to a bucket. The SDK is loaded with the first request: depots with archives on a disk never load it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { S3 } from '@aws-sdk/client-s3'
import { StorageError } from '../../core/problems/storage-error.ts'
import type { BucketSettings } from '../../core/storage/storage-config.ts'
import { toStorageError } from './s3-error.ts'

const CONNECTION_TIMEOUT_MS = 3_000
/** The limit for a silent connection; a download whose client reads nothing opens a new one afterwards. */
const SILENCE_MS = 30_000
/** The limit for requests without much data. */
const REQUEST_MS = 10_000
const ATTEMPTS = 3
/** Each of hundreds of slow downloads holds one. */
const MAX_CONNECTIONS = 4_096
/** Signatures need a region; storage without regions accepts any. */
const ANY_REGION = 'us-east-1'

const FIRST_PAUSE_MS = 200
const LAST_PAUSE_MS = 5_000

/** Sends one request with the client of the SDK. */
export type Send<Answer> = (s3: S3, options: { readonly abortSignal: AbortSignal }) => Promise<Answer>

export interface RequestOptions {
  /** Cancels the request; without it, the request is canceled after `REQUEST_MS`. */
  readonly signal?: AbortSignal
  /** Whether the caller handles this error of the SDK: then it is thrown unchanged. */
  readonly isExpected?: (error: unknown) => boolean
}

export interface Bucket {
  readonly name: string
  /** @throws StorageError, the signal's reason, or an expected error of the SDK */
  request<Answer>(send: Send<Answer>, options?: RequestOptions): Promise<Answer>
  /** Closes all connections. */
  close(): void
}

export function openBucket({ bucket, endpoint, region, isPathStyle }: BucketSettings): Bucket {
  let client: Promise<S3> | undefined
  let isClosed = false

  async function connect(): Promise<S3> {
    const { S3 } = await import('@aws-sdk/client-s3')
    return new S3({
      ...(endpoint === undefined ? {} : { endpoint, region: ANY_REGION }),
      ...(region === undefined ? {} : { region }),
      forcePathStyle: isPathStyle,
      maxAttempts: ATTEMPTS,
      requestHandler: {
        connectionTimeout: CONNECTION_TIMEOUT_MS,
        socketTimeout: SILENCE_MS,
        httpAgent: { keepAlive: true, maxSockets: MAX_CONNECTIONS },
        httpsAgent: { keepAlive: true, maxSockets: MAX_CONNECTIONS }
      }
    })
  }

  async function sendUntil<Answer>(signal: AbortSignal, send: Send<Answer>, isExpected = (_error: unknown) => false) {
    signal.throwIfAborted()
    if (isClosed) throw new StorageError('The storage of archives is closed.', false)
    client ??= connect()
    const s3 = await client
    try {
      return await send(s3, { abortSignal: signal })
    } catch (error) {
      signal.throwIfAborted()
      throw isExpected(error) ? error : toStorageError(error)
    }
  }

  return {
    name: bucket,
    async request(send, { signal, isExpected } = {}) {
      if (signal !== undefined) return sendUntil(signal, send, isExpected)
      const timeout = AbortSignal.timeout(REQUEST_MS)
      try {
        return await sendUntil(timeout, send, isExpected)
      } catch (error) {
        throw timeout.aborted ? toStorageError(timeout.reason) : error
      }
    },
    close() {
      isClosed = true
      void client?.then((s3) => s3.destroy())
    }
  }
}

/**
 * Repeats an attempt until it succeeds or fails permanently, with growing pauses: storage that is unavailable becomes
 * available again, and nothing is lost meanwhile.
 * @throws the signal's reason, or an error that is not transient
 */
export async function retryForever<Answer>(signal: AbortSignal, attempt: () => Promise<Answer>): Promise<Answer> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LAST_PAUSE_MS)) {
    signal.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof StorageError && error.isTransient)) throw error
    }
    await delay(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}
