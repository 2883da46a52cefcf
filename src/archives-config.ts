/** The settings that say where archives are; a part of the schema in `config.ts`. */
import { fileURLToPath } from 'node:url'
import { Type } from 'typebox'
import { ConfigError } from './config-error.ts'
import type { BucketSettings } from './core/bucket-settings.ts'

const PLACE =
  'a URL such as file:///shared/directory or s3://bucket/prefix; a bucket has 3 to 63 of a-z, 0-9, dots and hyphens, and credentials are no part of it'
const ENDPOINT = 'a URL such as https://s3.example:9000, without credentials and without a path'

export const ARCHIVES_SETTINGS = {
  FIXDEPOT_ARCHIVES_URL: Type.Optional(Type.String({ pattern: '^(file:///|s3://)', description: PLACE })),
  FIXDEPOT_S3_ENDPOINT: Type.Optional(
    Type.String({
      pattern: '^https?://[^/?#@\\s]+/?$',
      description: ENDPOINT
    })
  ),
  FIXDEPOT_S3_REGION: Type.Optional(
    Type.String({ pattern: '^[A-Za-z0-9-]{1,64}$', description: 'the name of a region such as eu-central-1' })
  ),
  FIXDEPOT_S3_PATH_STYLE: Type.Optional(Type.String({ enum: ['yes', 'no'], description: 'yes or no' })),
  FIXDEPOT_S3_REDIRECT: Type.String({ default: 'no', enum: ['yes', 'no'], description: 'yes or no' })
}

type Environment = Readonly<Record<string, string | undefined>>
type Given = Readonly<Partial<Record<keyof typeof ARCHIVES_SETTINGS, string>>>

/** Either a directory, or a bucket beside the directory that is not used then. */
export interface ArchivesConfig {
  readonly archivesDirectory: string
  readonly archivesBucket: BucketSettings | undefined
  /** Those who download packed archives are led to the bucket. */
  readonly isRedirecting: boolean
}

/** Amazon S3 User Guide, "General purpose bucket naming rules". */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
/** Of a prefix, between slashes; such as need no escapes anywhere. */
const PREFIX_PART = /^[A-Za-z0-9._-]+$/

/**
 * @param standard the directory without any setting
 * @throws ConfigError for a setting that only looks valid; its value is not quoted, since there may be a secret in it
 */
export function archivesOf(settings: Given, standard: string, environment: Environment): ArchivesConfig {
  const place = placeOf(settings, environment)
  const isRedirecting = settings.FIXDEPOT_S3_REDIRECT === 'yes'
  if (typeof place === 'object') return { archivesDirectory: standard, archivesBucket: place, isRedirecting }
  if (isRedirecting) {
    throw new ConfigError(
      'With FIXDEPOT_S3_REDIRECT=yes archives are downloaded from their bucket, and they are in none: set FIXDEPOT_ARCHIVES_URL to one.'
    )
  }
  return { archivesDirectory: place ?? standard, archivesBucket: undefined, isRedirecting }
}

/** The directory or the bucket that the URL names; undefined without one. @throws ConfigError */
function placeOf(settings: Given, environment: Environment): string | BucketSettings | undefined {
  const { FIXDEPOT_ARCHIVES_URL: text, FIXDEPOT_S3_ENDPOINT: endpoint } = settings
  if (text === undefined) return undefined
  if (!URL.canParse(text)) throw wrong('FIXDEPOT_ARCHIVES_URL', PLACE)
  const url = new URL(text)
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw wrong('FIXDEPOT_ARCHIVES_URL', PLACE)
  if (url.protocol === 'file:') {
    const directory = directoryOf(url)
    if (directory === undefined) throw wrong('FIXDEPOT_ARCHIVES_URL', PLACE)
    return directory
  }
  const prefix = url.pathname.replace(/^\/|\/$/g, '')
  const isPrefix = prefix === '' || prefix.split('/').every((part) => PREFIX_PART.test(part))
  if (!BUCKET.test(url.host) || !isPrefix) throw wrong('FIXDEPOT_ARCHIVES_URL', PLACE)
  if (endpoint !== undefined && !URL.canParse(endpoint)) throw wrong('FIXDEPOT_S3_ENDPOINT', ENDPOINT)
  const pathStyle = settings.FIXDEPOT_S3_PATH_STYLE ?? (endpoint === undefined ? 'no' : 'yes')
  return {
    bucket: url.host,
    prefix: prefix === '' ? '' : `${prefix}/`,
    endpoint,
    region: settings.FIXDEPOT_S3_REGION ?? environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION,
    isPathStyle: pathStyle === 'yes'
  }
}

function wrong(name: string, description: string): ConfigError {
  return new ConfigError(`The setting ${name} must be ${description}.`)
}

/** Undefined for what is no path here. */
function directoryOf(url: URL): string | undefined {
  try {
    const directory = fileURLToPath(url).replace(/(.)\/+$/, '$1')
    return directory === '/' ? undefined : directory
  } catch {
    return undefined
  }
}
