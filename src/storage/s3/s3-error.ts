/**
 * Converts errors of the SDK into sentences. The errors of the SDK are not passed on: some of them quote requests with
 * their signatures.
 */
import { StorageError } from '../../core/problems/storage-error.ts'

/** Errors of the connection, and transfers that arrived damaged: the next attempt may succeed. */
const TRANSIENT =
  /^(ECONN\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EMFILE|ENFILE|ERR_STREAM_PREMATURE_CLOSE|TimeoutError|RequestTimeout|RequestTimeTooSkewed|SlowDown|Throttling\w*|TooManyRequests\w*|InternalError|ServiceUnavailable|BadDigest|XAmzContentSHA256Mismatch|IncompleteBody|ConditionalRequestConflict|OperationAborted)$/
/** Of Node's TLS and of OpenSSL. */
const CERTIFICATE = /CERT|TLS|SSL|UNABLE_TO/
/** The name of an error whose response had no body that names it. */
const NAMELESS = /^(Error|UnknownError|Unknown|\d{3})$/

interface SdkError {
  readonly name?: string
  readonly code?: unknown
  readonly message?: string
  readonly $metadata?: { readonly httpStatusCode?: number }
}

/** @returns a `StorageError`, or the error itself when it is most likely a bug */
export function toStorageError(error: unknown): unknown {
  if (error instanceof StorageError) return error
  const { name = '', code, message = '', $metadata } = (error ?? {}) as SdkError
  const status = $metadata?.httpStatusCode
  const reason = reasonOf(name, code, status)
  if (name === 'CredentialsProviderError') return refusal('There are no credentials for the storage of archives.')
  if (/^region is missing/i.test(message)) return refusal('The region of the bucket is not known: set AWS_REGION.')
  if (
    TRANSIENT.test(name) ||
    TRANSIENT.test(String(code)) ||
    status === 429 ||
    (status !== undefined && status >= 500)
  ) {
    return new StorageError(`The storage of archives does not answer as it should: ${reason}.`, true)
  }
  if (typeof code === 'string' && CERTIFICATE.test(code)) {
    return refusal(`The certificate of the storage of archives is not accepted: ${code}.`)
  }
  return status === undefined ? error : refusal(`The storage of archives refuses the request: ${reason}.`)
}

/** The error code of S3; empty for errors that are not responses of S3. */
export function s3ErrorName(error: unknown): string {
  const { name = '', $metadata } = (error ?? {}) as SdkError
  // The response to HEAD has no body.
  if ($metadata?.httpStatusCode === 404 && (NAMELESS.test(name) || name === 'NotFound')) return 'NoSuchKey'
  return $metadata?.httpStatusCode === undefined ? '' : name
}

/** Whether the object does not exist. */
export const isMissing = (error: unknown) => s3ErrorName(error) === 'NoSuchKey'

/** Whether the server does not support conditional writes. */
export const isConditionUnsupported = (error: unknown) => s3ErrorName(error) === 'NotImplemented'

function reasonOf(name: string, code: unknown, status: number | undefined): string {
  if (typeof code === 'string') return code
  return NAMELESS.test(name) && status !== undefined ? `HTTP ${status}` : name
}

function refusal(sentence: string): StorageError {
  return new StorageError(sentence, false)
}
