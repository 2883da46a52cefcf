/** Says whether an answer is one that the description promises. */
import { type AnswerChecker, isJson } from '../../support/api/answer-checker.ts'
import type { RawAnswer } from './connection.ts'
import type { FuzzRequest } from './make-request.ts'

/** Pages for people, and what the fuzzer has no words for. */
const NOT_DESCRIBED = /^(\*|\/(docs.*|openapi\.json)?)$/

/**
 * @param answer undefined: the connection was closed without one
 * @returns what is wrong, in a sentence; undefined when nothing is
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
    return `was answered with ${status}, without the headers of safety`
  const contentType = headers['content-type']
  const isRead = method !== 'HEAD' && isJson(contentType)
  const seen = { status, contentType, body: isRead ? body?.toString() : undefined }
  const operationId = checker.operationOf(method, path)
  const wrong = operationId === undefined ? checker.checkUnknown(seen) : checker.check(operationId, seen)
  // A path that cannot be decoded, and a head that is too long, are answered before there is a route.
  const isBeforeRoute = status === 400 || status === 404 || status === 431 || status === 413
  if (wrong === undefined || (isBeforeRoute && checker.checkUnknown(seen) === undefined)) return undefined
  return `was answered with ${status}, but ${wrong}`
}

/** Of what is no request: an error in the form that all have, or no answer at all. */
export function judgeMalformed(checker: AnswerChecker, answers: readonly RawAnswer[]): string | undefined {
  for (const { status, headers, body } of answers) {
    if (status >= 500) return `was answered with ${status}`
    // Redirections to the page for people, and Node's own answer to an expectation, are no errors of ours.
    if (status < 400 || status === 417) continue
    // As Node answers where there is no Host.
    if (status === 400 && body?.length === 0) continue
    const wrong = checker.checkUnknown({ status, contentType: headers['content-type'], body: body?.toString() })
    if (wrong !== undefined) return `was answered with ${status}, but ${wrong}`
  }
  return undefined
}
