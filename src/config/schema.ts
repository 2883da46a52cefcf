/** The one schema of all settings. */
import { type Static, Type } from 'typebox'
import { ACCOUNT_SETTINGS } from './accounts.ts'
import { ARCHIVE_SETTINGS } from './archive-location.ts'
import { NETWORK_SETTINGS } from './network.ts'
import { PROTECTION_SETTINGS } from './protection.ts'
import type { SettingOptions } from './setting.ts'
import { STORAGE_SETTINGS } from './storage.ts'
import { WORK_SETTINGS } from './work.ts'

/** What the documentation says of a setting. */
export interface DocumentedSetting extends SettingOptions {
  readonly default?: string
  readonly unset?: string
}

/** By the title that the documentation gives them, and in its order. */
export const SETTING_GROUPS: Readonly<Record<string, Readonly<Record<string, DocumentedSetting>>>> = {
  'Network and TLS': NETWORK_SETTINGS,
  'Database and repository': STORAGE_SETTINGS,
  Archives: ARCHIVE_SETTINGS,
  'Administrator and sessions': ACCOUNT_SETTINGS,
  'Protection from callers': PROTECTION_SETTINGS,
  'Work and log': WORK_SETTINGS
}

export const SETTINGS = Type.Object({
  ...NETWORK_SETTINGS,
  ...STORAGE_SETTINGS,
  ...ARCHIVE_SETTINGS,
  ...ACCOUNT_SETTINGS,
  ...PROTECTION_SETTINGS,
  ...WORK_SETTINGS
})

export type Settings = Static<typeof SETTINGS>
