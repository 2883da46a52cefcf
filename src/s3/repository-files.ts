/** Opens objects of the repository for those who read or download them. */
import { StorageTrouble } from '../core/archive-trouble.ts'
import { FileReplaced } from '../core/file-replaced.ts'
import { Problem } from '../core/problem.ts'
import type { RepositoryFiles } from '../core/repository-files.ts'
import type { KnownReadings } from '../core/repository-storage.ts'
import type { RepositoryObjects } from './repository-objects.ts'

const RETRY_SECONDS = 5

/** @param known tells which object it was that the catalog speaks of */
export function createRepositoryObjectFiles(objects: RepositoryObjects, known: KnownReadings): RepositoryFiles {
  return {
    async open({ path, sha256 }) {
      const reading = (await known([path])).get(path)
      if (reading === undefined) throw toProblem(new FileReplaced(path, true))
      if (reading.sha256 !== sha256) throw toProblem(new FileReplaced(path, false))
      const file = objects.open(path, reading.stamp, sha256)
      return {
        ...file,
        readInto: (buffer, position, end) =>
          file.readInto(buffer, position, end).catch((error) => Promise.reject(toProblem(error)))
      }
    }
  }
}

function toProblem(error: unknown): unknown {
  if (error instanceof FileReplaced) {
    return new Problem(error.isGone ? 'FILE_GONE' : 'FILE_CHANGED', error.message, { cause: error })
  }
  if (!(error instanceof StorageTrouble)) return error
  return new Problem('REPOSITORY_UNAVAILABLE', error.message, { cause: error, retryAfterSeconds: RETRY_SECONDS })
}
