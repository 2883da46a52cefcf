/**
 * Makes a sentence of what the SDK throws. Its errors themselves go no further: some of them quote requests with their
 * signatures.
 */
import { StorageError } from '../../core/problems/storage-error.ts'

/** The way there, and a transfer that arrived damaged: the next attempt may succeed. */
const PASSING =
  /^(ECONN\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EMFILE|ENFILE|ERR_STREAM_PREMATURE_CLOSE|TimeoutError|RequestTimeout|RequestTimeTooSkewed|SlowDown|Throttling\w*|TooManyRequests\w*|InternalError|ServiceUnavailable|BadDigest|XAmzContentSHA256Mismatch|IncompleteBody|ConditionalRequestConflict|OperationAborted)$/
/** Of Node's TLS and of OpenSSL. */
const CERTIFICATE = /CERT|TLS|SSL|UNABLE_TO/
/** What a name of an error is when the answer had no body to take one from. */
const NAMELESS = /^(Error|UnknownError|Unknown|\d{3})$/

interface SdkError {
  readonly name?: string
  readonly code?: unknown
  readonly message?: string
  readonly $metadata?: { readonly httpStatusCode?: number }
}

/** @returns a `StorageTrouble`, or the error itself when it is most likely a bug */
export function toStorageError(error: unknown): unknown {
  if (error instanceof StorageError) return error
  const { name = '', code, message = '', $metadata } = (error ?? {}) as SdkError
  const status = $metadata?.httpStatusCode
  const reason = causeOf(name, code, status)
  if (name === 'CredentialsProviderError') return refusal('There are no credentials for the storage of archives.')
  if (/^region is missing/i.test(message)) return refusal('The region of the bucket is not known: set AWS_REGION.')
  if (PASSING.test(name) || PASSING.test(String(code)) || status === 429 || (status !== undefined && status >= 500)) {
    return new StorageError(`The storage of archives does not answer as it should: ${reason}.`, true)
  }
  if (typeof code === 'string' && CERTIFICATE.test(code)) {
    return refusal(`The certificate of the storage of archives is not accepted: ${code}.`)
  }
  return status === undefined ? error : refusal(`The storage of archives refuses the request: ${reason}.`)
}

/** The name that S3 has for what went wrong; empty when it was something else. */
export function s3ErrorName(error: unknown): string {
  const { name = '', $metadata } = (error ?? {}) as SdkError
  // The answer to HEAD has no body.
  if ($metadata?.httpStatusCode === 404 && (NAMELESS.test(name) || name === 'NotFound')) return 'NoSuchKey'
  return $metadata?.httpStatusCode === undefined ? '' : name
}

function causeOf(name: string, code: unknown, status: number | undefined): string {
  if (typeof code === 'string') return code
  return NAMELESS.test(name) && status !== undefined ? `HTTP ${status}` : name
}

function refusal(sentence: string): StorageError {
  return new StorageError(sentence, false)
}
