/** The settings that protect the server from its callers. */
import net from 'node:net'
import { DEFAULT_PROTECTION, type Protection } from '../core/accounts/protection.ts'
import { invalidSetting } from './config-error.ts'
import { optionalSetting, type SettingValues, setting } from './setting.ts'

const ORIGINS = 'origins such as https://console.example:8443, comma-separated, without a path'
const PROXIES = 'addresses or networks of proxies such as 10.0.0.0/8, comma-separated'

/** Without a leading zero, since what is 010 to one reader is 8 to another. */
const COUNT = { pattern: '^[1-9]\\d{0,6}$', description: 'a number from 1 to 9999999' }

export const PROTECTION_SETTINGS = {
  FIXDEPOT_CORS_ORIGINS: optionalSetting({
    unset: 'none',
    pattern: '^https?://[^/,\\s]+(,https?://[^/,\\s]+)*$',
    description: ORIGINS,
    purpose: 'The origins of other sites whose pages may use the API.',
    changedBy: 'Operators of a web console; which sites are trusted is their decision.'
  }),
  FIXDEPOT_TRUST_PROXY: optionalSetting({
    unset: 'none',
    pattern: '^[0-9A-Fa-f.:]+(/\\d{1,3})?(,[0-9A-Fa-f.:]+(/\\d{1,3})?)*$',
    description: PROXIES,
    purpose:
      'The proxies in front of the server. Their `X-Forwarded-…` headers say who the client is; those of others are ignored.',
    changedBy: 'Operators with a proxy; to trust a header of an unknown peer would let any client choose its address.'
  }),
  FIXDEPOT_DOCS: setting({
    default: DEFAULT_PROTECTION.docs,
    enum: ['public', 'login', 'off'],
    description: 'one of public, login and off',
    purpose:
      'Who may read the description of the API (`/docs`, `/openapi.json`): everyone, logged-in users, or no one.',
    changedBy: 'Operators who disclose as little as possible; it is a decision about security.'
  }),
  FIXDEPOT_MAX_CONNECTIONS: setting({
    default: String(DEFAULT_PROTECTION.maxConnections),
    ...COUNT,
    purpose: 'How many connections are open at a time. At the limit, a new one closes one that has no request.',
    changedBy: 'Operators with more clients, who raise the limit of open files with it.'
  })
}

/** @throws ConfigError for a value that only looks valid */
export function protectionConfig(settings: SettingValues<typeof PROTECTION_SETTINGS>): Protection {
  const corsOrigins = listOf(settings.FIXDEPOT_CORS_ORIGINS)
  const trustedProxies = listOf(settings.FIXDEPOT_TRUST_PROXY)
  if (!corsOrigins.every(isOrigin)) throw invalidSetting('FIXDEPOT_CORS_ORIGINS', ORIGINS)
  if (!trustedProxies.every(isNetwork)) throw invalidSetting('FIXDEPOT_TRUST_PROXY', PROXIES)
  return {
    ...DEFAULT_PROTECTION,
    corsOrigins,
    trustedProxies,
    docs: settings.FIXDEPOT_DOCS as Protection['docs'],
    maxConnections: Number(settings.FIXDEPOT_MAX_CONNECTIONS)
  }
}

function listOf(text: string | undefined): string[] {
  return text?.split(',') ?? []
}

/** As browsers send it: another spelling would never be equal. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text
}

/** A network of length 0 is the whole internet, which cannot be trusted. */
function isNetwork(text: string): boolean {
  const [address = '', length] = text.split('/')
  const version = net.isIP(address)
  if (version === 0 || length === undefined) return version !== 0
  return Number(length) >= 1 && Number(length) <= (version === 4 ? 32 : 128)
}
