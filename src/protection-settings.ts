/** The settings that protect the server from its callers; a part of the schema in `config.ts`. */
import net from 'node:net'
import { Type } from 'typebox'
import { DEFAULT_PROTECTION, type Protection } from './core/protection.ts'

/** Without a leading zero, since what is 010 to one reader is 8 to another. */
const COUNT = { pattern: '^[1-9]\\d{0,6}$', description: 'a number from 1 to 9999999' }

const count = (standard: number) => Type.String({ default: String(standard), ...COUNT })

const { maxConnections, userLimits } = DEFAULT_PROTECTION

export const PROTECTION_SETTINGS = {
  FIXDEPOT_CORS_ORIGINS: Type.Optional(
    Type.String({
      pattern: '^https?://[^/,\\s]+(,https?://[^/,\\s]+)*$',
      description: 'origins such as https://console.example:8443, parted by commas, without a path'
    })
  ),
  FIXDEPOT_TRUST_PROXY: Type.Optional(
    Type.String({
      pattern: '^[0-9A-Fa-f.:]+(/\\d{1,3})?(,[0-9A-Fa-f.:]+(/\\d{1,3})?)*$',
      description: 'addresses or networks of proxies such as 10.0.0.0/8, parted by commas'
    })
  ),
  FIXDEPOT_DOCS: Type.String({
    default: DEFAULT_PROTECTION.docs,
    enum: ['public', 'login', 'off'],
    description: 'one of public, login and off'
  }),
  FIXDEPOT_MAX_CONNECTIONS: count(maxConnections),
  FIXDEPOT_USER_EXPORTS: count(userLimits.exports),
  FIXDEPOT_USER_TASKS: count(userLimits.tasks),
  FIXDEPOT_USER_UPLOADS: count(userLimits.uploads),
  FIXDEPOT_USER_DOWNLOADS: count(userLimits.downloads),
  FIXDEPOT_USER_STREAMS: count(userLimits.streams)
}

type Given = Readonly<Partial<Record<keyof typeof PROTECTION_SETTINGS, string>>>

/** @returns the settings in their types, or the name of the one that only looks valid */
export function protectionOf(settings: Given): Protection | keyof typeof PROTECTION_SETTINGS {
  const corsOrigins = listOf(settings.FIXDEPOT_CORS_ORIGINS)
  const trustedProxies = listOf(settings.FIXDEPOT_TRUST_PROXY)
  if (!corsOrigins.every(isOrigin)) return 'FIXDEPOT_CORS_ORIGINS'
  if (!trustedProxies.every(isNetwork)) return 'FIXDEPOT_TRUST_PROXY'
  return {
    corsOrigins,
    trustedProxies,
    docs: settings.FIXDEPOT_DOCS as Protection['docs'],
    maxConnections: Number(settings.FIXDEPOT_MAX_CONNECTIONS),
    userLimits: {
      exports: Number(settings.FIXDEPOT_USER_EXPORTS),
      tasks: Number(settings.FIXDEPOT_USER_TASKS),
      uploads: Number(settings.FIXDEPOT_USER_UPLOADS),
      downloads: Number(settings.FIXDEPOT_USER_DOWNLOADS),
      streams: Number(settings.FIXDEPOT_USER_STREAMS)
    }
  }
}

function listOf(text: string | undefined): string[] {
  return text?.split(',') ?? []
}

/** As browsers send it: another spelling would never be equal. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text
}

/** A network of length 0 is everybody, whom nobody can trust. */
function isNetwork(text: string): boolean {
  const [address = '', length] = text.split('/')
  const version = net.isIP(address)
  if (version === 0 || length === undefined) return version !== 0
  return Number(length) >= 1 && Number(length) <= (version === 4 ? 32 : 128)
}
