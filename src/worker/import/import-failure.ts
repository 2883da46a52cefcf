/** The messages of imports that fail. */

import { toStorageProblem } from '../../core/problems/disk-error.ts'
import { taskFailed } from '../../core/problems/message.ts'
import { Problem, toDatabaseProblem } from '../../core/problems/problem.ts'
import { UnsafePathError } from '../../core/storage/relative-path.ts'
import { TaskFailure } from '../runtime/run-job.ts'

/** Maps the errors of an import to failures with a message. Returns an unknown error as it is: it is a bug. */
export function toImportFailure(error: unknown): unknown {
  const problem = toProblem(error)
  if (problem !== undefined) return new TaskFailure(problem.userMessage, error)
  const { code } = error as NodeJS.ErrnoException
  // Node's own codes report wrong calls: bugs.
  if (code === undefined || code.startsWith('ERR_')) return error
  const recovery = 'Check the repository directory and its disk, and repeat the import.'
  return new TaskFailure(taskFailed(`The files of the import cannot be kept: ${code}.`, recovery), error)
}

function toProblem(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error
  if (error instanceof UnsafePathError) {
    return new Problem('IMPORT_REFUSED', `A file is not accepted: ${error.message}.`, { cause: error })
  }
  return toStorageProblem(error) ?? toDatabaseProblem(error)
}
