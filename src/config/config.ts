/** The settings as one frozen object. Only the command line reads `process.env` beside it. */
import fs from 'node:fs'
import { Value } from 'typebox/value'
import type { Protection } from '../core/accounts/protection.ts'
import type { StorageConfig } from '../core/storage/storage-config.ts'
import { type AccountsConfig, accountsConfig } from './accounts.ts'
import { redirectsDownloads } from './archive-location.ts'
import { CLIENT_SETTINGS } from './client-settings.ts'
import { ConfigError, invalidSetting } from './config-error.ts'
import { type NetworkConfig, networkConfig } from './network.ts'
import { protectionConfig } from './protection.ts'
import { SETTINGS, type Settings } from './schema.ts'
import { storageConfig } from './storage.ts'
import { type WorkConfig, workConfig } from './work.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface Config extends NetworkConfig, AccountsConfig, WorkConfig {
  readonly storage: StorageConfig
  /** Downloads of packed archives are redirected to their bucket. */
  readonly isRedirecting: boolean
  readonly protection: Protection
}

/**
 * Reads the settings.
 * @param environment by default that of the process, with what `.env` adds to it
 * @throws ConfigError for a value that is wrong, and for a name that begins with FIXDEPOT_ and is no setting
 */
export function readConfig(environment: Environment = processEnvironment()): Config {
  refuseUnknown(environment)
  const given = Object.entries(environment).filter(([name, value]) => name in SETTINGS.properties && value !== '')
  const settings = check(Object.fromEntries(given))
  const storage = storageConfig(settings, environment)
  return Object.freeze({
    ...networkConfig(settings, storage.dataDirectory),
    storage: Object.freeze(storage),
    isRedirecting: redirectsDownloads(settings, storage),
    ...accountsConfig(settings),
    protection: protectionConfig(settings),
    ...workConfig(settings, storage.databaseUrl)
  })
}

/** A name that is misspelt or removed would otherwise have no effect without notice. */
function refuseUnknown(environment: Environment): void {
  const known: ReadonlySet<string> = new Set([...Object.keys(SETTINGS.properties), ...CLIENT_SETTINGS])
  const unknown = Object.keys(environment).filter((name) => name.startsWith('FIXDEPOT_') && !known.has(name))
  if (unknown.length > 0) throw new ConfigError(`Unknown settings, misspelt or removed: ${unknown.join(', ')}.`)
}

/** The variables that settings are read from: those of the process, and what `.env` adds to them. */
export function processEnvironment(): NodeJS.ProcessEnv {
  // A variable of the environment takes precedence over the file.
  if (fs.existsSync('.env')) process.loadEnvFile('.env')
  return process.env
}

function check(given: object): Settings {
  const settings = Value.Default(SETTINGS, given)
  if (Value.Check(SETTINGS, settings)) return settings
  const name = Value.Errors(SETTINGS, settings)[0]?.instancePath.slice(1) as keyof Settings
  throw invalidSetting(name, SETTINGS.properties[name].description)
}
