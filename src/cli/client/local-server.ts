/** The server of this machine, from the settings in the environment and in `.env`. The default without a URL. */
import fs from 'node:fs'
import path from 'node:path'
import type { Config } from '../../config/config.ts'
import { CommandError, EXIT } from '../terminal/exit.ts'

export interface LocalServer {
  readonly url: string
  /** Undefined without TLS. */
  readonly caFile: string | undefined
  readonly user: string
  /** A user who can read the settings has the rights of the administrator. */
  readonly password: string | undefined
}

const ANY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::', ''])

/** @throws CommandError (usage) when the settings are wrong, or no server was ever started with them */
export async function findLocalServer(): Promise<LocalServer> {
  // Loaded on demand: the check of the settings takes longer than the rest of the start.
  const [{ readConfig }, { ConfigError }] = await Promise.all([
    import('../../config/config.ts'),
    import('../../config/config-error.ts')
  ])
  try {
    return describe(readConfig())
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new CommandError(EXIT.usage, 'USAGE', error.message)
  }
}

function describe(config: Config): LocalServer {
  const { host, port, tls, storage, adminUser: user, adminPassword: password } = config
  if (port === 0 || (storage.databaseUrl === undefined && !fs.existsSync(storage.databaseFile))) {
    throw new CommandError(
      EXIT.usage,
      'SERVER_UNKNOWN',
      'No server is named, and the settings of this directory do not belong to one.',
      'Give --url, set FIXDEPOT_URL, or write a profile.'
    )
  }
  const name = ANY_ADDRESS.has(host) ? 'localhost' : host
  const authority = `${name.includes(':') ? `[${name}]` : name}:${port}`
  if (tls.mode === 'off') return { url: `http://${authority}`, caFile: undefined, user, password }
  const caFile = tls.mode === 'files' ? tls.certFile : path.join(tls.directory, 'certificate.pem')
  return { url: `https://${authority}`, caFile, user, password }
}
