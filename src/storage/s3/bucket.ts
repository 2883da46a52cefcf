/**
 * A bucket, and how it is asked. The SDK is loaded with the first question: who keeps archives on a disk never loads
 * it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { S3 } from '@aws-sdk/client-s3'
import { StorageError } from '../../core/problems/storage-error.ts'
import type { BucketSettings } from '../../core/storage/bucket-settings.ts'
import { toStorageError } from './storage-error.ts'

const CONNECTION_TIMEOUT_MS = 3_000
/** So long a connection may be silent; a download whose client takes nothing gets a new one afterwards. */
const SILENCE_MS = 30_000
/** Who waits for an answer to a question without much to send does so no longer. */
const REQUEST_MS = 10_000
const ATTEMPTS = 3
/** Hundreds of slow downloads have one each. */
const MAX_CONNECTIONS = 4_096
/** Signatures need one; storage that has no regions takes any. */
const ANY_REGION = 'us-east-1'

const FIRST_PAUSE_MS = 200
const LAST_PAUSE_MS = 5_000

export type Question<Answer> = (s3: S3, options: { readonly abortSignal: AbortSignal }) => Promise<Answer>

export interface Bucket {
  readonly name: string
  /** @throws StorageTrouble, the signal's reason, or what the SDK throws for an error that `mind` takes */
  ask<Answer>(question: Question<Answer>, signal: AbortSignal, mind?: (error: unknown) => boolean): Promise<Answer>
  /** The same with a limit to the time it takes. */
  request<Answer>(question: Question<Answer>, mind?: (error: unknown) => boolean): Promise<Answer>
  /** Lets go of all connections. */
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

  async function ask<Answer>(question: Question<Answer>, signal: AbortSignal, mind = (_error: unknown) => false) {
    signal.throwIfAborted()
    if (isClosed) throw new StorageError('The storage of archives is closed.', false)
    client ??= connect()
    const s3 = await client
    try {
      return await question(s3, { abortSignal: signal })
    } catch (error) {
      signal.throwIfAborted()
      throw mind(error) ? error : toStorageError(error)
    }
  }

  return {
    name: bucket,
    ask,
    async request(question, mind) {
      const signal = AbortSignal.timeout(REQUEST_MS)
      try {
        return await ask(question, signal, mind)
      } catch (error) {
        throw signal.aborted ? toStorageError(signal.reason) : error
      }
    },
    close() {
      isClosed = true
      void client?.then((s3) => s3.destroy())
    }
  }
}

/**
 * Asks until there is an answer: storage that is away comes back, and nothing is lost meanwhile.
 * @throws the signal's reason
 */
export async function retryForever<Answer>(signal: AbortSignal, ask: () => Promise<Answer>): Promise<Answer> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LAST_PAUSE_MS)) {
    signal.throwIfAborted()
    try {
      return await ask()
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof StorageError && error.isTransient)) throw error
    }
    await delay(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}
