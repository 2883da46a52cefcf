/** Checks answers against the OpenAPI description. */
import { type AnswerChecker, isJson } from '../../support/api/answer-checker.ts'
import type { RawAnswer } from './connection.ts'
import type { FuzzRequest } from './make-request.ts'

/** Pages for browsers, and targets that are no path: the description does not cover them. */
const NOT_DESCRIBED = /^(\*|\/(docs.*|openapi\.json)?)$/

/**
 * @param answer undefined: the connection was closed without one
 * @returns what is wrong, as a sentence; undefined when the answer is right
 */
export function judge(
  checker: AnswerChecker,
  { method, target }: FuzzRequest,
  answer: RawAnswer | undefined
): string | undefined {
  if (answer === undefined) return 'was not answered'
  const { status, headers, body } = answer
  if (status >= 500) return `was answered with ${status}: ${body?.toString().slice(0, 300)}`
  const path = target.split(/[?#]/, 1)[0] ?? ''
  if (NOT_DESCRIBED.test(path) || method === 'OPTIONS') return undefined
  if (headers['x-content-type-options'] !== 'nosniff')
    return `was answered with ${status}, without the security headers`
  const contentType = headers['content-type']
  const isRead = method !== 'HEAD' && isJson(contentType)
  const seen = { status, contentType, body: isRead ? body?.toString() : undefined }
  const operationId = checker.operationOf(method, path)
  const wrong = operationId === undefined ? checker.checkUnknown(seen) : checker.check(operationId, seen)
  // A path that cannot be decoded, and headers that are too large, are answered before the route is known.
  const isBeforeRoute = status === 400 || status === 404 || status === 431 || status === 413
  if (wrong === undefined || (isBeforeRoute && checker.checkUnknown(seen) === undefined)) return undefined
  return `was answered with ${status}, but ${wrong}`
}

/** Malformed bytes get an error in the common form, or no answer. */
export function judgeMalformed(checker: AnswerChecker, answers: readonly RawAnswer[]): string | undefined {
  for (const { status, headers, body } of answers) {
    if (status >= 500) return `was answered with ${status}`
    // Redirects to the documentation page, and Node's own answer to an expectation, are no errors.
    if (status < 400 || status === 417) continue
    // Node's own answer to a request without Host.
    if (status === 400 && body?.length === 0) continue
    const wrong = checker.checkUnknown({ status, contentType: headers['content-type'], body: body?.toString() })
    if (wrong !== undefined) return `was answered with ${status}, but ${wrong}`
  }
  return undefined
}
