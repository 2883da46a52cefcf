import type { ArchiveStorage } from '../core/storage/archive-storage.ts'
import type { WorkerSettings } from '../core/storage/worker-settings.ts'
import { createArchiveDirectory } from './disk/archive-directory.ts'
import { createArchiveBucket } from './s3/archive-bucket.ts'

/** Where the settings say that archives are; whoever opens it closes it. */
export function openArchiveStorage({
  archivesDirectory,
  archivesBucket
}: Pick<WorkerSettings, 'archivesDirectory' | 'archivesBucket'>): ArchiveStorage {
  return archivesBucket === undefined ? createArchiveDirectory(archivesDirectory) : createArchiveBucket(archivesBucket)
}
