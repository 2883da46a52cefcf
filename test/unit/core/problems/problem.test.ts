import t from 'tap'
import { Problem, problemOfMessage } from '../../../../src/core/problems/problem.ts'
import type { ProblemCode, ProblemKind } from '../../../../src/core/problems/problem-catalogue.ts'

const KINDS: Readonly<Record<ProblemCode, ProblemKind>> = {
  PARAMETER_INVALID: 'invalid',
  BODY_INVALID: 'invalid',
  BODY_TOO_LARGE: 'too-large',
  REQUEST_MALFORMED: 'invalid',
  LIMIT_REACHED: 'too-many',
  CROSS_SITE_REFUSED: 'forbidden',
  TASK_UNKNOWN: 'invalid',
  TASK_MISSING: 'missing',
  TASK_DELETED: 'conflict',
  PACKAGE_UNKNOWN: 'missing',
  FILE_UNKNOWN: 'missing',
  FILE_GONE: 'gone',
  FILE_CHANGED: 'conflict',
  TEXT_TOO_LARGE: 'conflict',
  REPOSITORY_NOT_WRITABLE: 'conflict',
  IMPORT_REFUSED: 'invalid',
  IMPORT_CONFLICT: 'conflict',
  IMPORT_BY_URL: 'invalid',
  IMPORT_JOB_UNUSABLE: 'conflict',
  REPOSITORY_FULL: 'conflict',
  UPLOAD_BROKEN: 'invalid',
  UPSTREAM_MISSING: 'conflict',
  LOGIN_REFUSED: 'forbidden',
  CSRF_TOKEN_WRONG: 'forbidden',
  SESSION_UNKNOWN: 'missing',
  LOGIN_TOO_OFTEN: 'too-many',
  LOGINS_BUSY: 'unavailable',
  ACCESS_DENIED: 'forbidden',
  USER_UNKNOWN: 'missing',
  USER_EXISTS: 'conflict',
  LAST_ADMINISTRATOR: 'conflict',
  TOKEN_UNKNOWN: 'missing',
  TOO_MANY_KEPT: 'conflict',
  FIXID_UNKNOWN: 'invalid',
  EXPORT_UNKNOWN: 'missing',
  EXPORT_NOT_DONE: 'conflict',
  SELECTION_EMPTY: 'invalid',
  TASK_ENDED: 'conflict',
  SPACE_INSUFFICIENT: 'conflict',
  PACKAGE_IN_USE: 'conflict',
  PACKAGE_IMPORTED: 'conflict',
  ARCHIVE_GONE: 'gone',
  ARCHIVE_UNKNOWN: 'missing',
  ARCHIVES_UNAVAILABLE: 'unavailable',
  DATABASE_UNAVAILABLE: 'unavailable',
  RANGE_UNSATISFIABLE: 'out-of-range',
  ROUTE_UNKNOWN: 'missing',
  NOT_AUTHENTICATED: 'unauthenticated',
  REPOSITORY_UNAVAILABLE: 'unavailable',
  AUDIT_UNAVAILABLE: 'unavailable',
  WORKER_UNAVAILABLE: 'unavailable',
  SERVER_CLOSING: 'unavailable'
}
const CODES = Object.keys(KINDS) as ProblemCode[]

t.test('every problem is an error of its kind that tells the caller what to do', async (t) => {
  for (const code of CODES) {
    const problem = new Problem(code, 'The file a.zip is the culprit.')
    t.type(problem, Error)
    t.match(problem, { name: 'Problem', code, kind: KINDS[code] })
    t.match(problem.userMessage, {
      id: /^FQXHM(UP|SE)9\d{3}[A-Z]$/,
      text: 'The file a.zip is the culprit.',
      explanation: /^[A-Z].*\.$/,
      recovery: /^[A-Z].*\.$/
    })
  }
})

t.test('a message id means one kind of thing', async (t) => {
  const meanings = new Map<string, string>()
  for (const code of CODES) {
    const { id } = new Problem(code, '').userMessage
    const subject = code.split('_')[0] ?? ''
    t.equal(meanings.get(id) ?? subject, subject, id)
    meanings.set(id, subject)
  }
})

t.test('the original error goes along as the cause, and not to the caller', async (t) => {
  const cause = new Error('EACCES: /secret')
  const problem = new Problem('WORKER_UNAVAILABLE', 'The repository cannot be read.', { cause })
  t.equal(problem.cause, cause)
  t.notMatch(JSON.stringify(problem.userMessage), 'secret')
})

t.test('what a failed task says is the problem that it failed with', async (t) => {
  for (const code of ['IMPORT_REFUSED', 'IMPORT_CONFLICT', 'REPOSITORY_FULL', 'PACKAGE_IN_USE'] as const) {
    const { userMessage } = new Problem(code, 'The culprit.')
    t.match(problemOfMessage(userMessage), { code, message: 'The culprit.' })
  }
  t.equal(problemOfMessage({ id: 'FQXHMUP9009L', text: 'x', explanation: '', recovery: '' }), undefined)
})
