/** The settings of the work that a server does, and of its log. */
import { ConfigError } from './config-error.ts'
import { type SettingValues, setting } from './setting.ts'

export const WORK_SETTINGS = {
  FIXDEPOT_ROLE: setting({
    default: 'all',
    enum: ['all', 'api', 'worker'],
    description: 'one of all, api and worker',
    purpose:
      'The part of one server among several that share a PostgreSQL database: `api` answers requests, `worker` does the work and ' +
      'serves only health and metrics, `all` does both.',
    changedBy: 'Operators of several servers; how the load is divided among the machines is their decision.'
  }),
  FIXDEPOT_WORKERS: setting({
    default: '1',
    pattern: '^([1-9]|[1-5]\\d|6[0-4])$',
    description: 'a number from 1 to 64',
    purpose: 'How many exports are packed at the same time.',
    changedBy: 'Operators with fast disks; whether a second export makes the first slower depends on the storage.'
  }),
  FIXDEPOT_LOG_LEVEL: setting({
    default: 'info',
    enum: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    description: 'one of fatal, error, warn, info, debug, trace and silent',
    purpose: 'The least severe messages of the log, which is JSON on standard output.',
    changedBy: 'Operators who look for the cause of an error, or who keep a smaller log.'
  })
}

/** Of several servers: `api` answers requests and leaves the work to others, `worker` does work and answers none. */
export type ServerRole = 'all' | 'api' | 'worker'

export interface WorkConfig {
  readonly role: ServerRole
  /** How many archives are packed at the same time. */
  readonly workers: number
  readonly logLevel: string
}

/** @throws ConfigError for a role that needs a shared database, where there is none */
export function workConfig(
  { FIXDEPOT_ROLE: role, FIXDEPOT_WORKERS: workers, FIXDEPOT_LOG_LEVEL: logLevel }: SettingValues<typeof WORK_SETTINGS>,
  databaseUrl: string | undefined
): WorkConfig {
  if (role !== 'all' && databaseUrl === undefined) {
    throw new ConfigError(
      `With FIXDEPOT_ROLE=${role} other servers do the rest of the work, which takes a database that they share: ` +
        'set FIXDEPOT_DATABASE_URL.'
    )
  }
  return { role: role as ServerRole, workers: Number(workers), logLevel }
}
