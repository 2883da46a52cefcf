/** Maps errors of the server and of the network to sentences and exit codes. */
import { reasonOf } from '../../core/problems/system-error.ts'
import { CommandError, EXIT, type ExitCode } from '../terminal/exit.ts'

/** The response of the server is an error. */
export class ApiError extends CommandError {
  override readonly name = 'ApiError'
  readonly status: number
  /** Seconds, from the header `Retry-After`. */
  readonly retryAfter: number | undefined

  constructor(status: number, code: string, message: string, recovery: string, retryAfter: number | undefined) {
    super(exitCodeOf(status), code, message, recovery)
    this.status = status
    this.retryAfter = retryAfter
  }
}

/** No response: an error of the network or of the certificate, or a server that is not running. */
export class Unreachable extends CommandError {
  override readonly name = 'Unreachable'
  /** A retry may succeed; with an untrusted certificate it cannot. */
  readonly isTransient: boolean

  constructor(code: string, message: string, recovery: string, isTransient: boolean, options?: ErrorOptions) {
    super(EXIT.unreachable, code, message, recovery, options)
    this.isTransient = isTransient
  }
}

function exitCodeOf(status: number): ExitCode {
  if (status === 401 || status === 403) return EXIT.notAllowed
  if (status === 404 || status === 410) return EXIT.notFound
  return status === 502 || status === 503 || status === 504 ? EXIT.unreachable : EXIT.failed
}

interface ProblemMembers {
  readonly detail?: unknown
  readonly code?: unknown
  readonly recovery?: unknown
  readonly messages?: readonly {
    readonly id?: unknown
    readonly text?: unknown
    readonly recovery?: { text?: unknown }
  }[]
}

/** @param body an error of either API, or of a proxy */
export function apiError(status: number, body: string, retryAfter: string | undefined): ApiError {
  const { detail, code, recovery, messages } = parse(body)
  const [message] = Array.isArray(messages) ? messages : []
  const text = detail ?? message?.text ?? `The server answered ${status}.`
  const isSeconds = retryAfter !== undefined && /^\d{1,6}$/.test(retryAfter)
  return new ApiError(
    status,
    String(code ?? message?.id ?? `HTTP_${status}`),
    String(text),
    String(recovery ?? message?.recovery?.text ?? ''),
    isSeconds ? Number(retryAfter) : undefined
  )
}

function parse(body: string): ProblemMembers {
  try {
    return Object(JSON.parse(body))
  } catch {
    return {}
  }
}

/** Codes of OpenSSL and Node for a certificate from an unknown authority. */
const UNTRUSTED = /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_UNTRUSTED|INVALID_CA)/
const NO_TLS = /^(EPROTO|ERR_SSL_)/

/** @param server its URL, for the sentence */
export function unreachable(error: unknown, server: string): Unreachable {
  const reason = reasonOf(error)
  const [sentence, recovery, isTransient] = explain(reason, error as Error, server)
  return new Unreachable(reason, sentence, recovery, isTransient, { cause: error })
}

function explain(reason: string, { message }: Error, server: string): [string, string, boolean] {
  if (reason === 'ECONNREFUSED')
    return [`No server listens at ${server}.`, 'Check that the server runs, and that the port is correct.', true]
  if (reason === 'ENOTFOUND') return [`The name of the machine in ${server} cannot be resolved.`, '', false]
  if (UNTRUSTED.test(reason)) {
    const recovery = 'Give --ca-file with the certificate to trust: the server keeps its own in tls/certificate.pem.'
    return [`The certificate of ${server} is not trusted (${reason}).`, recovery, false]
  }
  if (reason === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return [`The certificate of ${server} is for other names: ${message}.`, 'Use one of its names in the URL.', false]
  }
  if (reason.startsWith('CERT_')) return [`The certificate of ${server} is not valid (${reason}).`, '', false]
  if (NO_TLS.test(reason)) return [`${server} does not speak HTTPS correctly (${reason}).`, '', false]
  return [`No response from ${server}: ${reason}.`, '', true]
}

/** Whether a retry may succeed. */
export function isTransient(error: unknown): boolean {
  if (error instanceof ApiError) return [429, 502, 503, 504].includes(error.status)
  return error instanceof Unreachable && error.isTransient
}
