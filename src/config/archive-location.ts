/** The settings of the location of archives. */
import { fileURLToPath } from 'node:url'
import type { BucketSettings, StorageConfig } from '../core/storage/storage-config.ts'
import { ConfigError, invalidSetting } from './config-error.ts'
import { optionalSetting, type SettingValues, setting } from './setting.ts'

const LOCATION =
  'a URL such as file:///shared/directory or s3://bucket/prefix; a bucket has 3 to 63 of a-z, 0-9, dots and hyphens, and credentials are no part of it'
const ENDPOINT = 'a URL such as https://s3.example:9000, without credentials and without a path'

export const ARCHIVE_SETTINGS = {
  FIXDEPOT_ARCHIVES_URL: optionalSetting({
    unset: '`archives/` in the data directory',
    pattern: '^(file:///|s3://)',
    description: LOCATION,
    purpose:
      'Where archives are kept: a directory, which must exist, or a bucket of S3 with a prefix that no other depot uses ([s3.md](s3.md)).',
    changedBy:
      'Operators of several servers, which share their archives, and operators with separate storage. The server cannot know its address.'
  }),
  FIXDEPOT_S3_ENDPOINT: optionalSetting({
    unset: 'AWS',
    pattern: '^https?://[^/?#@\\s]+/?$',
    description: ENDPOINT,
    purpose:
      "With `s3://`: the S3 server. Credentials and the region come from the SDK's own chain, such as `AWS_ACCESS_KEY_ID`.",
    changedBy: 'Operators of an S3 server that is not AWS. The server cannot know its address.'
  }),
  FIXDEPOT_S3_PATH_STYLE: optionalSetting({
    unset: '`yes` with an endpoint, `no` without one',
    enum: ['yes', 'no'],
    description: 'yes or no',
    purpose: "With `s3://`: `yes` makes the bucket the first part of the path, `no` a part of the host's name.",
    changedBy:
      'Operators of an S3 server that accepts bucket names only as host names. The protocol does not show which form a server accepts.'
  }),
  FIXDEPOT_S3_REDIRECT: setting({
    default: 'no',
    enum: ['yes', 'no'],
    description: 'yes or no',
    purpose:
      '`yes` answers downloads of packed archives over `/api/v1` with a redirect to the bucket, by a URL that is valid for five ' +
      'minutes ([s3.md](s3.md#downloads-from-the-bucket)).',
    changedBy: 'Operators whose clients reach the bucket; the server cannot see whether they do.'
  })
}

type Environment = Readonly<Record<string, string | undefined>>
type Settings = SettingValues<typeof ARCHIVE_SETTINGS>

/** Amazon S3 User Guide, "General purpose bucket naming rules". */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
/** Of a prefix, between slashes; such as need no escapes anywhere. */
const PREFIX_PART = /^[A-Za-z0-9._-]+$/

/**
 * Either a directory, or a bucket and the directory that is not used then.
 * @param standard the directory without any setting
 * @throws ConfigError
 */
export function archiveLocation(
  settings: Settings,
  standard: string,
  environment: Environment
): Pick<StorageConfig, 'archivesDirectory' | 'archivesBucket'> {
  const { FIXDEPOT_ARCHIVES_URL: text } = settings
  if (text === undefined) return { archivesDirectory: standard, archivesBucket: undefined }
  const url = parseLocation(text)
  if (url.protocol === 'file:') return { archivesDirectory: directoryOf(url), archivesBucket: undefined }
  return { archivesDirectory: standard, archivesBucket: bucketOf(url, settings, environment) }
}

/** Whether downloads are redirected to the bucket. @throws ConfigError where there is none */
export function redirectsDownloads(
  settings: Settings,
  { archivesBucket }: Pick<StorageConfig, 'archivesBucket'>
): boolean {
  const isRedirecting = settings.FIXDEPOT_S3_REDIRECT === 'yes'
  if (isRedirecting && archivesBucket === undefined) {
    throw new ConfigError(
      'With FIXDEPOT_S3_REDIRECT=yes archives are downloaded from their bucket, and they are in none: set FIXDEPOT_ARCHIVES_URL to one.'
    )
  }
  return isRedirecting
}

function parseLocation(text: string): URL {
  if (!URL.canParse(text)) throw invalidLocation()
  const url = new URL(text)
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') throw invalidLocation()
  return url
}

function bucketOf(url: URL, settings: Settings, environment: Environment): BucketSettings {
  const { FIXDEPOT_S3_ENDPOINT: endpoint } = settings
  const prefix = url.pathname.replace(/^\/|\/$/g, '')
  const isPrefix = prefix === '' || prefix.split('/').every((part) => PREFIX_PART.test(part))
  if (!BUCKET.test(url.host) || !isPrefix) throw invalidLocation()
  if (endpoint !== undefined && !URL.canParse(endpoint)) throw invalidSetting('FIXDEPOT_S3_ENDPOINT', ENDPOINT)
  const pathStyle = settings.FIXDEPOT_S3_PATH_STYLE ?? (endpoint === undefined ? 'no' : 'yes')
  return {
    bucket: url.host,
    prefix: prefix === '' ? '' : `${prefix}/`,
    endpoint,
    region: environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION,
    isPathStyle: pathStyle === 'yes'
  }
}

/** @throws ConfigError for a URL that is no path of this machine, and for the root directory */
function directoryOf(url: URL): string {
  const directory = pathOf(url)?.replace(/(.)\/+$/, '$1')
  if (directory === undefined || directory === '/') throw invalidLocation()
  return directory
}

function pathOf(url: URL): string | undefined {
  try {
    return fileURLToPath(url)
  } catch {
    return undefined
  }
}

function invalidLocation(): ConfigError {
  return invalidSetting('FIXDEPOT_ARCHIVES_URL', LOCATION)
}
