/** The messages of exports that fail. */

import { taskFailed } from '../../core/problems/message.ts'
import { toDatabaseProblem } from '../../core/problems/problem.ts'
import { StorageError } from '../../core/problems/storage-error.ts'
import { SourceChangedError, SourceUnreadableError } from '../../zip/entry-source.ts'
import { TaskFailure } from '../runtime/run-job.ts'

const NO_SPACE = ['ENOSPC', 'EDQUOT', 'EFBIG', 'SQLITE_FULL']

/** Maps the errors of packing to failures with a message. Returns an unknown error as it is: it is a bug. */
export function toExportFailure(error: unknown): unknown {
  if (error instanceof SourceChangedError) {
    return failure(error, ofPackage(error), 'Read the repository again with action=read, and repeat the export.')
  }
  if (error instanceof SourceUnreadableError) {
    return failure(error, ofPackage(error), 'Check the file and its permissions, and repeat the export.')
  }
  if (error instanceof StorageError) {
    return failure(error, error.message, 'Check FIXDEPOT_ARCHIVES_URL and its credentials, and repeat the export.')
  }
  const { code } = error as NodeJS.ErrnoException
  if (code !== undefined && NO_SPACE.includes(code)) {
    const recovery = 'Make room in the data directory, and repeat the export.'
    return failure(error, 'There is no space left for the archive.', recovery)
  }
  const database = toDatabaseProblem(error)
  if (database !== undefined) {
    return failure(error, database.message, 'Check the data directory and its disk, and repeat the export.')
  }
  // Node's own codes report wrong calls: bugs.
  if (code === undefined || code.startsWith('ERR_')) return error
  const recovery = 'Check the data directory and its disk, and repeat the export.'
  return failure(error, `The archive cannot be written: ${code}.`, recovery)
}

/** The repository directory itself cannot be opened. */
export function repositoryUnreadable(error: unknown): TaskFailure {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException
  const recovery = 'Check that the directory exists, is mounted, and can be read by the server; then repeat the export.'
  return failure(error, `The repository directory cannot be read: ${code}.`, recovery)
}

/** Names the package of the file, because clients know packages and not files. */
function ofPackage({ message, entry }: SourceChangedError | SourceUnreadableError): string {
  return 'fixid' in entry ? `${message}. It belongs to the package ${entry.fixid}.` : `${message}.`
}

function failure(cause: unknown, text: string, recovery: string): TaskFailure {
  return new TaskFailure(taskFailed(text, recovery), cause)
}
