/**
 * Where a depot is moved from and to: what the settings of the server say, and what a file of further settings says.
 */
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

/** Names of settings, of which values are not told: there may be a secret in them. */
export interface SettingChanges {
  /** Those that the server is to have as the file has them. */
  readonly asInFile: readonly string[]
  /** Those that it is to have no more. */
  readonly unset: readonly string[]
}

/** Where the SDK finds the region. The file need not repeat it. */
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
 * @param file with settings as `.env` has them. What it does not say of database and archives has its default, as for a
 * server that is started with it; only the data directory stays that of the source
 * @throws Refusal, ConfigError
 */
export function readMoveLocations(
  source: StorageConfig,
  environment: Readonly<Record<string, string | undefined>>,
  file: string
): MoveLocations {
  const given = readSettings(file)
  const shared = Object.fromEntries(SHARED.map((name) => [name, environment[name]]))
  const { storage: target } = of(file, () =>
    readConfig({
      ...shared,
      FIXDEPOT_DATA_DIR: source.dataDirectory,
      ...given,
      // Which stays where it is.
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
    throw new Refusal(`Database and archives are already where ${file} says: there is nothing to move.`)
  }
  return { source, target, isDatabaseMoved, areArchivesMoved }
}

/** What has to change in the settings of the server. @param environment as they are now */
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

/** Says which file is meant. */
function of<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError(`In ${file}: ${error.message}`, { cause: error })
  }
}
