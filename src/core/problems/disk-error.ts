/**
 * Turns errors of the repository's disk into problems, as far as a caller that sends files can act on them.
 */
import { Problem } from './problem.ts'

const NO_SPACE = ['ENOSPC', 'EDQUOT', 'EFBIG', 'SQLITE_FULL']
const NOT_WRITABLE = ['EROFS', 'EACCES', 'EPERM']

/** Undefined for all other errors. */
export function toStorageProblem(error: unknown): Problem | undefined {
  const { code = '' } = error as NodeJS.ErrnoException
  if (NO_SPACE.includes(code)) {
    return new Problem('REPOSITORY_FULL', 'There is no space left for the files of the import.', { cause: error })
  }
  if (NOT_WRITABLE.includes(code)) {
    return new Problem('REPOSITORY_NOT_WRITABLE', `The repository directory cannot be changed: ${code}.`, {
      cause: error
    })
  }
  return undefined
}
