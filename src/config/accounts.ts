/** The settings of the first administrator and of sessions. */
import { DURATION, parseDuration } from '../core/time-text.ts'
import { optionalSetting, type SettingValues, setting } from './setting.ts'

export const ACCOUNT_SETTINGS = {
  FIXDEPOT_ADMIN_USER: setting({
    default: 'admin',
    pattern: '^[^:\\s]+$',
    description: 'a name without colons and spaces',
    purpose: 'The name of the first administrator.',
    changedBy: 'Operators with a naming scheme for accounts.'
  }),
  FIXDEPOT_ADMIN_PASSWORD: optionalSetting({
    unset: 'one is created at the first start and printed once',
    minLength: 8,
    maxLength: 1_024,
    description: '8 to 1024 characters long',
    purpose:
      'The password of the first administrator. It is set at each start, also for a user who had another password or role.',
    changedBy: 'Operators who install without a terminal, or who have lost the password; it is a secret.'
  }),
  FIXDEPOT_SESSION_TIMEOUT: setting({
    default: '24h',
    pattern: DURATION.source,
    description: 'a time such as 24h or 30m, of at least 1m',
    purpose: 'How long a session lasts without use.',
    changedBy: 'Operators with a rule for idle sessions; it is a decision about security.'
  })
}

export interface AccountsConfig {
  readonly adminUser: string
  /** Undefined: one is created at the first start. */
  readonly adminPassword: string | undefined
  /** How long a session lasts without use, in milliseconds. */
  readonly sessionTimeoutMs: number
}

export function accountsConfig(settings: SettingValues<typeof ACCOUNT_SETTINGS>): AccountsConfig {
  return {
    adminUser: settings.FIXDEPOT_ADMIN_USER,
    adminPassword: settings.FIXDEPOT_ADMIN_PASSWORD,
    sessionTimeoutMs: parseDuration(settings.FIXDEPOT_SESSION_TIMEOUT)
  }
}
