import type { ArchiveStorage } from '../core/archive-storage.ts'
import { createArchiveDirectory } from '../files/archive-directory.ts'
import { createArchiveBucket } from '../s3/archive-bucket.ts'
import type { WorkerSettings } from './settings.ts'

/** Where the settings say that archives are; whoever opens it closes it. */
export function openArchiveStorage({
  archivesDirectory,
  archivesBucket
}: Pick<WorkerSettings, 'archivesDirectory' | 'archivesBucket'>): ArchiveStorage {
  return archivesBucket === undefined ? createArchiveDirectory(archivesDirectory) : createArchiveBucket(archivesBucket)
}
