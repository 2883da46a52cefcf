import type { RepositoryStorage } from '../core/repository-storage.ts'
import { createRepositoryDirectory } from '../files/repository-directory.ts'
import type { WorkerSettings } from './settings.ts'

/** Where imports are kept until they are in the repository: on its volume, since a rename does not leave one. */
export function stagingDirectoryOf({ repositoryDirectory }: Pick<WorkerSettings, 'repositoryDirectory'>): string {
  return repositoryDirectory
}

/** Where the settings say that the repository is; whoever opens it closes it. */
export function openRepository({
  repositoryDirectory
}: Pick<WorkerSettings, 'repositoryDirectory'>): RepositoryStorage {
  return createRepositoryDirectory(repositoryDirectory)
}
