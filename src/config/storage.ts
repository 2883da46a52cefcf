/** The settings of the database, the repository and the archives. */
import path from 'node:path'
import type { StorageConfig } from '../core/storage/storage-config.ts'
import { DURATION, parseDuration } from '../core/time-text.ts'
import { type ARCHIVE_SETTINGS, archiveLocation } from './archive-location.ts'
import { BYTE_SIZE, parseByteSize } from './byte-size.ts'
import { ConfigError } from './config-error.ts'
import { optionalSetting, type SettingValues, setting } from './setting.ts'

export const STORAGE_SETTINGS = {
  FIXDEPOT_DATA_DIR: setting({
    default: './data',
    minLength: 1,
    description: 'a directory',
    purpose:
      'The directory of the database, the archives and the self-signed certificate; it is created if it is missing.',
    changedBy:
      'Operators of servers that are installed as a service. The server cannot know which disk is large and backed up.'
  }),
  FIXDEPOT_DATABASE_URL: optionalSetting({
    unset: 'a SQLite file in the data directory',
    pattern: '^postgres(ql)?://[^/\\s]*/[^\\s]+$',
    description: 'a URL such as postgres://user:password@host/database',
    purpose: 'A PostgreSQL database for tasks, catalog, users and the audit trail ([postgresql.md](postgresql.md)).',
    changedBy:
      'Operators of several servers or of a PostgreSQL that they back up anyway; it names a machine and has a password in it.'
  }),
  FIXDEPOT_REPOSITORY_DIR: optionalSetting({
    unset: '`repository/` in the data directory',
    minLength: 1,
    description: 'a directory',
    purpose:
      'The directory of the firmware. It must exist, and may not contain the data directory. Only imports and deletions write to it.',
    changedBy:
      'Operators who have firmware on a disk or on a shared file system already. The server cannot know its path.'
  }),
  FIXDEPOT_ALLOTMENT: optionalSetting({
    unset: 'the size of the volume',
    pattern: BYTE_SIZE.source,
    description: 'a size such as 500GB',
    purpose:
      'How many bytes the repository may use. Clients see how many of them are left, and imports beyond them are refused.',
    changedBy: 'Operators whose volume has other uses; how much of it is for firmware is their decision.'
  }),
  FIXDEPOT_ARCHIVE_TTL: setting({
    default: '7d',
    pattern: DURATION.source,
    description: 'a time such as 7d, 12h or 30m, of at least 1m',
    purpose: 'How long finished archives are kept.',
    changedBy:
      'Operators with little space, or with clients that fetch late; the server does not know when a client comes.'
  })
}

type Settings = SettingValues<typeof STORAGE_SETTINGS & typeof ARCHIVE_SETTINGS>
type Environment = Readonly<Record<string, string | undefined>>

/**
 * @param environment that the SDK for S3 reads, too
 * @throws ConfigError
 */
export function storageConfig(settings: Settings, environment: Environment): StorageConfig {
  const dataDirectory = path.resolve(settings.FIXDEPOT_DATA_DIR)
  const { FIXDEPOT_ALLOTMENT: allotment } = settings
  const storage: StorageConfig = {
    dataDirectory,
    databaseFile: path.join(dataDirectory, 'fixdepot.db'),
    databaseUrl: settings.FIXDEPOT_DATABASE_URL,
    repositoryDirectory: path.resolve(settings.FIXDEPOT_REPOSITORY_DIR ?? path.join(dataDirectory, 'repository')),
    ...archiveLocation(settings, path.join(dataDirectory, 'archives'), environment),
    allotmentBytes: allotment === undefined ? undefined : parseByteSize(allotment),
    archiveTtlMs: parseDuration(settings.FIXDEPOT_ARCHIVE_TTL)
  }
  refuseNested(storage)
  return storage
}

/** A scan must never find what the depot itself writes. */
function refuseNested({ dataDirectory, repositoryDirectory, archivesDirectory }: StorageConfig): void {
  if (isInside(repositoryDirectory, dataDirectory)) {
    throw new ConfigError('The setting FIXDEPOT_DATA_DIR must not lie inside FIXDEPOT_REPOSITORY_DIR.')
  }
  if (isInside(repositoryDirectory, archivesDirectory)) {
    throw new ConfigError('The setting FIXDEPOT_ARCHIVES_URL must not lie inside FIXDEPOT_REPOSITORY_DIR.')
  }
  if (isInside(archivesDirectory, repositoryDirectory)) {
    throw new ConfigError('The setting FIXDEPOT_REPOSITORY_DIR must not lie inside the directory of archives.')
  }
}

function isInside(directory: string, other: string): boolean {
  const relative = path.relative(directory, other)
  return relative === '' || (relative.split(path.sep)[0] !== '..' && !path.isAbsolute(relative))
}
