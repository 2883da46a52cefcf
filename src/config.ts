/** The settings: one schema for the environment, one frozen object. Only the command line reads `process.env` beside it. */
import fs from 'node:fs'
import path from 'node:path'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { ARCHIVES_SETTINGS, type ArchivesConfig, archivesOf } from './archives-config.ts'
import { ConfigError } from './config-error.ts'
import { CLIENT_SETTINGS } from './core/client-settings.ts'
import { DURATION, parseDuration } from './core/duration.ts'
import type { Protection } from './core/protection.ts'
import { PROTECTION_SETTINGS, protectionOf } from './protection-settings.ts'

export { ConfigError } from './config-error.ts'

/** Without flags, since a schema has no place for them. */
const BYTES = /^(\d+(?:\.\d+)?)\s*((?:[KMGTkmgt][iI]?)?[Bb])?$/
const POWERS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40
}

const PORT = /^(\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])$/

/** Every setting; the description is what a wrong value is answered with. */
const Environment = Type.Object({
  FIXDEPOT_HOST: Type.String({ default: '127.0.0.1', minLength: 1, description: 'the address to listen on' }),
  FIXDEPOT_PORT: Type.String({ default: '8443', pattern: '^\\d{1,5}$', description: 'a port from 0 to 65535' }),
  FIXDEPOT_TLS: Type.String({
    default: 'self-signed',
    enum: ['self-signed', 'files', 'off'],
    description: 'one of self-signed, files and off'
  }),
  FIXDEPOT_TLS_CERT: Type.Optional(Type.String({ minLength: 1, description: 'a file' })),
  FIXDEPOT_TLS_KEY: Type.Optional(Type.String({ minLength: 1, description: 'a file' })),
  FIXDEPOT_TLS_NAMES: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9.:-]+(,[A-Za-z0-9.:-]+)*$',
      description: 'names and addresses, parted by commas'
    })
  ),
  FIXDEPOT_ALLOW_PLAIN_HTTP: Type.String({ default: 'no', enum: ['yes', 'no'], description: 'yes or no' }),
  FIXDEPOT_DATA_DIR: Type.String({ default: './data', minLength: 1, description: 'a directory' }),
  FIXDEPOT_DATABASE_URL: Type.Optional(
    Type.String({
      pattern: '^postgres(ql)?://[^/\\s]*/[^\\s]+$',
      description: 'a URL such as postgres://user:password@host/database'
    })
  ),
  FIXDEPOT_ROLE: Type.String({
    default: 'all',
    enum: ['all', 'api', 'worker'],
    description: 'one of all, api and worker'
  }),
  FIXDEPOT_REPOSITORY_DIR: Type.Optional(Type.String({ minLength: 1, description: 'a directory' })),
  ...ARCHIVES_SETTINGS,
  FIXDEPOT_ADMIN_USER: Type.String({
    default: 'admin',
    pattern: '^[^:\\s]+$',
    description: 'a name without colons and spaces'
  }),
  FIXDEPOT_ADMIN_PASSWORD: Type.Optional(
    Type.String({ minLength: 8, maxLength: 1_024, description: '8 to 1024 characters long' })
  ),
  FIXDEPOT_WORKERS: Type.String({
    default: '1',
    pattern: '^([1-9]|[1-5]\\d|6[0-4])$',
    description: 'a number from 1 to 64'
  }),
  FIXDEPOT_ALLOTMENT: Type.Optional(Type.String({ pattern: BYTES.source, description: 'a size such as 500GB' })),
  FIXDEPOT_COMPRESSION: Type.String({ default: 'auto', enum: ['auto', 'store'], description: 'auto or store' }),
  FIXDEPOT_CACHE_SIZE: Type.String({
    default: '20GB',
    pattern: BYTES.source,
    description: 'a size such as 20GB'
  }),
  FIXDEPOT_ARCHIVE_TTL: Type.String({
    default: '7d',
    pattern: DURATION.source,
    description: 'a time such as 7d, 12h or 30m, of at least 1m'
  }),
  FIXDEPOT_SESSION_TIMEOUT: Type.String({
    default: '24h',
    pattern: DURATION.source,
    description: 'a time such as 24h or 30m, of at least 1m'
  }),
  ...PROTECTION_SETTINGS,
  FIXDEPOT_METRICS_HOST: Type.String({ default: '127.0.0.1', minLength: 1, description: 'the address to listen on' }),
  FIXDEPOT_METRICS_PORT: Type.Optional(Type.String({ pattern: PORT.source, description: 'a port from 0 to 65535' })),
  FIXDEPOT_LOG_LEVEL: Type.String({
    default: 'info',
    enum: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    description: 'one of fatal, error, warn, info, debug, trace and silent'
  })
})

/** How connections are protected. */
export type TlsConfig =
  | { readonly mode: 'off' }
  | { readonly mode: 'files'; readonly certFile: string; readonly keyFile: string }
  | {
      readonly mode: 'self-signed'
      readonly directory: string
      /** Beside those that the machine has by itself. */
      readonly names: readonly string[]
    }

/** Of several servers: `api` answers requests and leaves the work to others, `worker` does work and answers none. */
export type ServerRole = 'all' | 'api' | 'worker'

export interface Config extends ArchivesConfig {
  readonly host: string
  readonly port: number
  readonly tls: TlsConfig
  readonly dataDirectory: string
  /** The operator's files. */
  readonly repositoryDirectory: string
  /** The cache of deflated forms. */
  readonly deflatedDirectory: string
  /** `store`: nothing is deflated. */
  readonly compression: 'auto' | 'store'
  /** Bytes that the cache may hold. */
  readonly deflatedBytes: number
  readonly databaseFile: string
  /** Of PostgreSQL, which takes the place of the file; there is a password in it. */
  readonly databaseUrl: string | undefined
  readonly role: ServerRole
  readonly adminUser: string
  /** Undefined: one is made at the first start. */
  readonly adminPassword: string | undefined
  /** How many archives are packed at the same time. */
  readonly workers: number
  /** Bytes the repository may use; undefined: all of its volume. */
  readonly allotmentBytes: number | undefined
  /** How long finished archives are kept, in milliseconds. */
  readonly archiveTtlMs: number
  /** How long a session lasts without use, in milliseconds. */
  readonly sessionTimeoutMs: number
  readonly protection: Protection
  /** Where the numbers are besides, without a login; undefined: nowhere. */
  readonly metrics: { readonly host: string; readonly port: number } | undefined
  readonly logLevel: string
}

/**
 * Reads the settings.
 * @param environment by default that of the process, with what `.env` adds to it
 * @throws ConfigError
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = processEnvironment()): Config {
  const given = Object.entries(environment).filter(([name, value]) => name in Environment.properties && value !== '')
  const settings = check(Object.fromEntries(given))
  const dataDirectory = path.resolve(settings.FIXDEPOT_DATA_DIR)
  const config: Config = {
    host: settings.FIXDEPOT_HOST,
    port: Number(settings.FIXDEPOT_PORT),
    tls: tlsConfig(settings, dataDirectory),
    dataDirectory,
    repositoryDirectory: path.resolve(settings.FIXDEPOT_REPOSITORY_DIR ?? path.join(dataDirectory, 'repository')),
    ...archivesOf(settings, path.join(dataDirectory, 'archives'), environment),
    deflatedDirectory: path.join(dataDirectory, 'deflated'),
    databaseFile: path.join(dataDirectory, 'fixdepot.db'),
    databaseUrl: settings.FIXDEPOT_DATABASE_URL,
    role: roleOf(settings),
    adminUser: settings.FIXDEPOT_ADMIN_USER,
    adminPassword: settings.FIXDEPOT_ADMIN_PASSWORD,
    workers: Number(settings.FIXDEPOT_WORKERS),
    allotmentBytes: settings.FIXDEPOT_ALLOTMENT === undefined ? undefined : parseBytes(settings.FIXDEPOT_ALLOTMENT),
    compression: settings.FIXDEPOT_COMPRESSION as Config['compression'],
    deflatedBytes: parseBytes(settings.FIXDEPOT_CACHE_SIZE),
    archiveTtlMs: parseDuration(settings.FIXDEPOT_ARCHIVE_TTL),
    sessionTimeoutMs: parseDuration(settings.FIXDEPOT_SESSION_TIMEOUT),
    protection: protectionConfig(settings),
    metrics:
      settings.FIXDEPOT_METRICS_PORT === undefined
        ? undefined
        : { host: settings.FIXDEPOT_METRICS_HOST, port: Number(settings.FIXDEPOT_METRICS_PORT) },
    logLevel: settings.FIXDEPOT_LOG_LEVEL
  }
  checkDirectories(config)
  return Object.freeze(config)
}

/** Names in the environment that look like settings and are none: most likely misspelt. */
export function unknownSettings(environment: Readonly<Record<string, string | undefined>> = process.env): string[] {
  const known: ReadonlySet<string> = new Set([...Object.keys(Environment.properties), ...CLIENT_SETTINGS])
  return Object.keys(environment).filter((name) => name.startsWith('FIXDEPOT_') && !known.has(name))
}

/** The variables that settings are read from: those of the process, and what `.env` adds to them. */
export function processEnvironment(): NodeJS.ProcessEnv {
  // What the environment has counts more than the file.
  if (fs.existsSync('.env')) process.loadEnvFile('.env')
  return process.env
}

function check(given: object): Static<typeof Environment> {
  const settings = Value.Default(Environment, given)
  if (Value.Check(Environment, settings) && Number(settings.FIXDEPOT_PORT) <= 65535) return settings
  const [finding] = Value.Errors(Environment, settings)
  const name = finding?.instancePath.slice(1) || 'FIXDEPOT_PORT'
  throw new ConfigError(`The setting ${name} must be ${describe(name)}.`)
}

function describe(name: string): unknown {
  const property: object = Environment.properties[name as keyof typeof Environment.properties]
  return 'description' in property ? property.description : 'another value'
}

function protectionConfig(settings: Static<typeof Environment>): Protection {
  const protection = protectionOf(settings)
  if (typeof protection !== 'string') return protection
  throw new ConfigError(`The setting ${protection} must be ${describe(protection)}.`)
}

function roleOf({ FIXDEPOT_ROLE: role, FIXDEPOT_DATABASE_URL: url }: Static<typeof Environment>): ServerRole {
  if (role !== 'all' && url === undefined) {
    throw new ConfigError(
      `With FIXDEPOT_ROLE=${role} other servers do the rest of the work, which takes a database that they share: set FIXDEPOT_DATABASE_URL.`
    )
  }
  return role as ServerRole
}

function tlsConfig(settings: Static<typeof Environment>, dataDirectory: string): TlsConfig {
  const { FIXDEPOT_TLS: mode, FIXDEPOT_TLS_CERT: cert, FIXDEPOT_TLS_KEY: key, FIXDEPOT_HOST: host } = settings
  if (mode === 'self-signed') {
    return { mode, directory: path.join(dataDirectory, 'tls'), names: settings.FIXDEPOT_TLS_NAMES?.split(',') ?? [] }
  }
  if (mode === 'files') {
    if (cert === undefined || key === undefined) {
      throw new ConfigError('With FIXDEPOT_TLS=files, FIXDEPOT_TLS_CERT and FIXDEPOT_TLS_KEY must both be set.')
    }
    return { mode, certFile: path.resolve(cert), keyFile: path.resolve(key) }
  }
  const isLoopback = host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
  if (!isLoopback && settings.FIXDEPOT_ALLOW_PLAIN_HTTP !== 'yes') {
    throw new ConfigError(
      `With FIXDEPOT_TLS=off the server listens on loopback only, and FIXDEPOT_HOST is ${host}. ` +
        'Where a proxy with TLS is in front of it, set FIXDEPOT_ALLOW_PLAIN_HTTP=yes.'
    )
  }
  return { mode: 'off' }
}

function parseBytes(text: string): number {
  const [, number = '', unit = 'B'] = BYTES.exec(text) ?? []
  return Math.floor(Number(number) * (POWERS[unit.toLowerCase()] ?? 1))
}

/** A scan must never find what the depot itself writes. */
function checkDirectories({ dataDirectory, repositoryDirectory, archivesDirectory, deflatedDirectory }: Config): void {
  if (isInside(repositoryDirectory, dataDirectory)) {
    throw new ConfigError('The setting FIXDEPOT_DATA_DIR must not lie inside FIXDEPOT_REPOSITORY_DIR.')
  }
  if (isInside(repositoryDirectory, archivesDirectory)) {
    throw new ConfigError('The setting FIXDEPOT_ARCHIVES_URL must not lie inside FIXDEPOT_REPOSITORY_DIR.')
  }
  for (const [what, directory] of [
    ['archives', archivesDirectory],
    ['deflated files', deflatedDirectory]
  ] as const) {
    if (!isInside(directory, repositoryDirectory)) continue
    throw new ConfigError(`The setting FIXDEPOT_REPOSITORY_DIR must not lie inside the directory of ${what}.`)
  }
}

function isInside(directory: string, other: string): boolean {
  const relative = path.relative(directory, other)
  return relative === '' || (relative.split(path.sep)[0] !== '..' && !path.isAbsolute(relative))
}
