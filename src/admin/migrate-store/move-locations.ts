/** The source and the target of a move: the settings of the server, and a file with the settings of the target. */
import fs from 'node:fs'
import { isDeepStrictEqual, parseEnv } from 'node:util'
import { readConfig } from '../../config/config.ts'
import { ConfigError } from '../../config/config-error.ts'
import { Refusal } from '../../core/problems/refusal.ts'
import { reasonOf } from '../../core/problems/system-error.ts'
import type { StorageConfig } from '../../core/storage/storage-config.ts'

export interface MoveLocations {
  readonly source: StorageConfig
  readonly target: StorageConfig
  readonly isDatabaseMoved: boolean
  readonly areArchivesMoved: boolean
}

/** Names of settings. Their values are not printed: they may contain a secret. */
export interface SettingChanges {
  /** The server must get these from the file. */
  readonly asInFile: readonly string[]
  /** These must be removed. */
  readonly unset: readonly string[]
}

/** The SDK reads the region from these. The file need not repeat them. */
const SHARED = ['AWS_REGION', 'AWS_DEFAULT_REGION']

const LOCATIONS = [
  'FIXDEPOT_DATA_DIR',
  'FIXDEPOT_DATABASE_URL',
  'FIXDEPOT_ARCHIVES_URL',
  'FIXDEPOT_S3_ENDPOINT',
  'FIXDEPOT_S3_PATH_STYLE',
  'FIXDEPOT_S3_REDIRECT'
]

/**
 * @param file with settings in the format of `.env`. Settings of database and archives that it does not contain have
 * their defaults, as for a server that is started with the file; only the data directory defaults to that of the source
 * @throws Refusal, ConfigError
 */
export function readMoveLocations(
  source: StorageConfig,
  environment: Readonly<Record<string, string | undefined>>,
  file: string
): MoveLocations {
  const given = readSettings(file)
  const shared = Object.fromEntries(SHARED.map((name) => [name, environment[name]]))
  const { storage: target } = inFile(file, () =>
    readConfig({
      ...shared,
      FIXDEPOT_DATA_DIR: source.dataDirectory,
      ...given,
      // The repository is not moved.
      FIXDEPOT_REPOSITORY_DIR: source.repositoryDirectory
    })
  )
  const isDatabaseMoved =
    target.databaseUrl !== source.databaseUrl ||
    (source.databaseUrl === undefined && target.databaseFile !== source.databaseFile)
  const areArchivesMoved =
    !isDeepStrictEqual(target.archivesBucket, source.archivesBucket) ||
    (source.archivesBucket === undefined && target.archivesDirectory !== source.archivesDirectory)
  if (!isDatabaseMoved && !areArchivesMoved) {
    throw new Refusal(`Database and archives are already at the locations in ${file}: there is nothing to move.`)
  }
  return { source, target, isDatabaseMoved, areArchivesMoved }
}

/** The changes that the settings of the server need after the move. @param environment with the present settings */
export function settingChanges(
  environment: Readonly<Record<string, string | undefined>>,
  file: string
): SettingChanges {
  const given = readSettings(file)
  const isGiven = (name: string) => (given[name] ?? '') !== ''
  return {
    asInFile: [...LOCATIONS, ...SHARED].filter(isGiven),
    unset: LOCATIONS.filter(
      (name) => name !== 'FIXDEPOT_DATA_DIR' && !isGiven(name) && (environment[name] ?? '') !== ''
    )
  }
}

function readSettings(file: string): Record<string, string | undefined> {
  try {
    return parseEnv(fs.readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new Refusal(`The settings in ${file} cannot be read: ${reasonOf(cause)}.`, { cause })
  }
}

/** Adds the name of the file to the message of an error. */
function inFile<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError(`In ${file}: ${error.message}`, { cause: error })
  }
}
