/** Opens files of the repository for reading and downloading. */
import { realpath } from 'node:fs/promises'
import path from 'node:path'
import type { RepositoryFiles } from '../../core/catalog/catalog.ts'
import { Problem } from '../../core/problems/problem.ts'
import { isSystemError } from '../../core/problems/system-error.ts'
import { UnsafePathError } from '../../core/storage/relative-path.ts'
import { openFileOf } from './read-file.ts'
import { openHandleInside } from './safe-path.ts'
import { secondsOf } from './walk-repository.ts'

/** Error codes for a path whose file no longer exists. */
const GONE = ['ENOENT', 'ENOTDIR']
/** Error codes for a path that is something else now: circular links, a socket. */
const REPLACED = ['ELOOP', 'ENXIO']

/** @param directory may have symbolic links in its own path */
export function createRepositoryFiles(directory: string): RepositoryFiles {
  return {
    async open(file) {
      const root = await realpath(directory).catch((cause) => {
        throw unavailable(`The repository directory cannot be read: ${cause.code}.`, cause)
      })
      const { handle, stat } = await openHandleInside(root, file.path).catch((error) => {
        throw problemOf(error, file.path)
      })
      if (Number(stat.size) !== file.size || secondsOf(stat.mtimeNs) !== file.modifiedAt) {
        await handle.close()
        throw changed(file.path, 'it has another size or time')
      }
      return openFileOf(handle, {
        name: path.posix.basename(file.path),
        size: file.size,
        modifiedAt: new Date(file.modifiedAt * 1000),
        digest: file.sha256,
        contentType: 'application/octet-stream'
      })
    }
  }
}

function problemOf(error: unknown, name: string): unknown {
  if (error instanceof UnsafePathError) return changed(name, error.message, error)
  const { code = '' } = error as NodeJS.ErrnoException
  if (GONE.includes(code)) return new Problem('FILE_GONE', `The file ${name} no longer exists.`, { cause: error })
  if (REPLACED.includes(code)) return changed(name, 'it is no longer a regular file', error)
  return isSystemError(error) ? unavailable(`The file ${name} cannot be read: ${code}.`, error) : error
}

function changed(name: string, how: string, cause?: unknown): Problem {
  return new Problem('FILE_CHANGED', `The file ${name} has changed: ${how}.`, { cause })
}

function unavailable(text: string, cause: unknown): Problem {
  return new Problem('REPOSITORY_UNAVAILABLE', text, { cause })
}
