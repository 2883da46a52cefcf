/** Errors of the native API: RFC 9457, with the message id and the recovery of the appliance's API as extra members. */
import { Type } from 'typebox'
import type { Problem } from '../../core/problems/problem.ts'
import { ERROR_TEXTS } from './error-texts.ts'

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

export const ProblemBody = Type.Object(
  {
    type: Type.String({ description: '`about:blank`: `code` identifies the problem.' }),
    title: Type.String({ description: 'The same for all problems with one code.' }),
    status: Type.Integer(),
    detail: Type.String({ description: 'A sentence that names the cause.' }),
    code: Type.String({ description: 'For programs.' }),
    messageId: Type.String({ description: 'The id of the same message in the appliance’s API.' }),
    recovery: Type.String({ description: 'What to do about it.' })
  },
  { title: 'Problem' }
)

/** The errors that every route of the native API can answer with. */
export const PROBLEM_RESPONSES = {
  400: problemResponse(ERROR_TEXTS[400]),
  401: problemResponse(ERROR_TEXTS[401]),
  403: problemResponse(ERROR_TEXTS[403]),
  429: problemResponse(ERROR_TEXTS[429]),
  500: problemResponse(ERROR_TEXTS[500]),
  503: problemResponse(ERROR_TEXTS[503])
}

/** For routes that change something: they read a body, also where they need none. */
export const CHANGE_PROBLEM_RESPONSES = { ...PROBLEM_RESPONSES, 413: problemResponse(ERROR_TEXTS[413]) }

export function problemResponse(description: string) {
  return { description, content: { 'application/problem+json': { schema: ProblemBody } } }
}

export function problemBody(problem: Problem, status: number) {
  const { id, text, explanation, recovery } = problem.userMessage
  return { type: 'about:blank', title: explanation, status, detail: text, code: problem.code, messageId: id, recovery }
}

/** Contains no details of the error: the log has them. */
export function internalProblemBody(requestId: string) {
  return {
    type: 'about:blank',
    title: 'The request failed because of an internal error.',
    status: 500,
    detail: `The server log has the details under the request id ${requestId}.`,
    code: 'INTERNAL',
    messageId: 'FQXHMUP9500L',
    recovery: 'Repeat the request; if it fails again, read the log.'
  }
}
