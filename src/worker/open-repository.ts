/** Where the settings say that the repository is. */
import path from 'node:path'
import type { RepositoryFiles } from '../core/repository-files.ts'
import type { KnownReadings, RepositoryStorage } from '../core/repository-storage.ts'
import { createRepositoryDirectory } from '../files/repository-directory.ts'
import { createRepositoryFiles } from '../files/repository-files.ts'
import { createRepositoryBucket } from '../s3/repository-bucket.ts'
import { createRepositoryObjectFiles } from '../s3/repository-files.ts'
import { openRepositoryObjects } from '../s3/repository-objects.ts'
import type { WorkerSettings } from './settings.ts'

type Place = Pick<WorkerSettings, 'repositoryDirectory' | 'repositoryBucket'>

/** Whoever opens it closes it. @param owner the server that changes it, where there are others */
export function openRepository({ repositoryDirectory, repositoryBucket }: Place, owner = ''): RepositoryStorage {
  return repositoryBucket === undefined
    ? createRepositoryDirectory(repositoryDirectory, owner)
    : createRepositoryBucket(repositoryBucket)
}

/** Single files of it, for those who send them. */
export function openRepositoryFiles(
  { repositoryDirectory, repositoryBucket }: Place,
  known: KnownReadings
): RepositoryFiles & { close(): void } {
  if (repositoryBucket === undefined) return { ...createRepositoryFiles(repositoryDirectory), close() {} }
  const objects = openRepositoryObjects(repositoryBucket)
  return { ...createRepositoryObjectFiles(objects, known), close: () => objects.close() }
}

/**
 * Where imports are kept until they are in the repository: on its volume, since a rename does not leave one; or in the data directory, from
 * where they are sent.
 */
export function stagingDirectoryOf({
  repositoryDirectory,
  repositoryBucket,
  databaseFile
}: Place & Pick<WorkerSettings, 'databaseFile'>): string {
  return repositoryBucket === undefined ? repositoryDirectory : path.dirname(databaseFile)
}

/** In words, for the operator. */
export function describeRepository({ repositoryDirectory, repositoryBucket }: Place): string {
  if (repositoryBucket === undefined) return repositoryDirectory
  return `s3://${repositoryBucket.bucket}/${repositoryBucket.prefix}`
}
