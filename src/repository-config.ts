/** The settings that say where the repository is; a part of the schema in `config.ts`. */
import path from 'node:path'
import { Type } from 'typebox'
import { type ARCHIVES_SETTINGS, type ArchivesConfig, PLACE_SETTING, placeOf } from './archives-config.ts'
import { ConfigError } from './config-error.ts'
import type { BucketSettings } from './core/bucket-settings.ts'

export const REPOSITORY_SETTINGS = {
  FIXDEPOT_REPOSITORY_DIR: Type.Optional(Type.String({ minLength: 1, description: 'a directory' })),
  FIXDEPOT_REPOSITORY_URL: Type.Optional(PLACE_SETTING)
}

type Given = Readonly<Partial<Record<keyof typeof REPOSITORY_SETTINGS | keyof typeof ARCHIVES_SETTINGS, string>>>

/** Either a directory, or a bucket beside the directory that is not used then. */
export interface RepositoryConfig {
  /** The operator's files. */
  readonly repositoryDirectory: string
  readonly repositoryBucket: BucketSettings | undefined
}

/**
 * @param standard the directory without any setting
 * @throws ConfigError
 */
export function repositoryOf(
  settings: Given,
  standard: string,
  environment: Readonly<Record<string, string | undefined>>
): RepositoryConfig {
  const { FIXDEPOT_REPOSITORY_DIR: directory, FIXDEPOT_REPOSITORY_URL: url } = settings
  if (directory !== undefined && url !== undefined) {
    throw new ConfigError('Only one of FIXDEPOT_REPOSITORY_DIR and FIXDEPOT_REPOSITORY_URL may be set.')
  }
  const place = placeOf('FIXDEPOT_REPOSITORY_URL', settings, environment) ?? directory ?? standard
  return typeof place === 'object'
    ? { repositoryDirectory: path.resolve(standard), repositoryBucket: place }
    : { repositoryDirectory: path.resolve(place), repositoryBucket: undefined }
}

/**
 * A scan must never find archives, and a sweep of archives no firmware.
 * @throws ConfigError when one lies in the other
 */
export function checkBuckets({
  archivesBucket: archives,
  repositoryBucket: repository
}: ArchivesConfig & RepositoryConfig): void {
  if (archives === undefined || repository === undefined) return
  if (archives.bucket !== repository.bucket || archives.endpoint !== repository.endpoint) return
  const isInside = archives.prefix.startsWith(repository.prefix) || repository.prefix.startsWith(archives.prefix)
  if (!isInside) return
  throw new ConfigError(
    'The settings FIXDEPOT_ARCHIVES_URL and FIXDEPOT_REPOSITORY_URL must name different places, and neither may lie in the other.'
  )
}
