/** The settings: one schema for the environment, one frozen object. Only the command line reads `process.env` beside it. */
import fs from 'node:fs'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { CLIENT_SETTINGS } from '../core/client-settings.ts'
import type { Protection } from '../core/protection.ts'
import type { StorageConfig } from '../core/storage-config.ts'
import { ACCOUNT_SETTINGS, type AccountsConfig, accountsConfig } from './accounts.ts'
import { redirectsDownloads } from './archives.ts'
import { invalidSetting } from './config-error.ts'
import { NETWORK_SETTINGS, type NetworkConfig, networkConfig } from './network.ts'
import { PROTECTION_SETTINGS, protectionConfig } from './protection.ts'
import { STORAGE_SETTINGS, storageConfig } from './storage.ts'
import { WORK_SETTINGS, type WorkConfig, workConfig } from './work.ts'

/** Every setting. */
const SETTINGS = Type.Object({
  ...NETWORK_SETTINGS,
  ...STORAGE_SETTINGS,
  ...ACCOUNT_SETTINGS,
  ...PROTECTION_SETTINGS,
  ...WORK_SETTINGS
})

type Settings = Static<typeof SETTINGS>
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
 * @throws ConfigError
 */
export function readConfig(environment: Environment = processEnvironment()): Config {
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

/** Names in the environment that look like settings and are none: most likely misspelt. */
export function unknownSettings(environment: Environment = process.env): string[] {
  const known: ReadonlySet<string> = new Set([...Object.keys(SETTINGS.properties), ...CLIENT_SETTINGS])
  return Object.keys(environment).filter((name) => name.startsWith('FIXDEPOT_') && !known.has(name))
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
