/** Whether the places that the settings name can be used, before anything is opened there. */
import fs from 'node:fs'
import path from 'node:path'
import { ConfigError } from '../config/config-error.ts'
import { StorageError } from '../core/problems/storage-error.ts'
import type { ArchiveStorage } from '../core/storage/archive-storage.ts'
import type { StorageConfig } from '../core/storage/storage-config.ts'
import { checkReadableDirectory } from '../storage/disk/volume.ts'
import { openArchiveStorage } from '../storage/open-archive-storage.ts'

/** Makes the data directory if need be. @throws ConfigError */
export async function checkDirectories(storage: StorageConfig): Promise<void> {
  const { dataDirectory, archivesDirectory, archivesBucket } = storage
  const isOwn = archivesBucket === undefined && path.dirname(archivesDirectory) === dataDirectory
  const directory = isOwn ? archivesDirectory : dataDirectory
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o750 })
    fs.accessSync(directory, fs.constants.W_OK)
  } catch (error) {
    throw new ConfigError(`FIXDEPOT_DATA_DIR cannot be written: ${(error as Error).message}`, { cause: error })
  }
  if (!isOwn) await checkArchives(openArchiveStorage(storage))
  try {
    await checkReadableDirectory(storage.repositoryDirectory)
  } catch (error) {
    const advice = 'Create it, or set FIXDEPOT_REPOSITORY_DIR to the directory that holds the firmware.'
    throw new ConfigError(`The repository directory cannot be read: ${(error as Error).message}. ${advice}`, {
      cause: error
    })
  }
}

/** Makes nothing where the archives are: a directory that is not mounted would not be missed. */
async function checkArchives(storage: Pick<ArchiveStorage, 'check' | 'close'>): Promise<void> {
  try {
    await storage.check()
  } catch (error) {
    // What is only away is waited for.
    if (error instanceof StorageError && error.isTransient) return
    throw new ConfigError(`FIXDEPOT_ARCHIVES_URL cannot be used: ${(error as Error).message}`, { cause: error })
  } finally {
    storage.close()
  }
}
