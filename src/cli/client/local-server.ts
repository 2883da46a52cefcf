/**
 * The server of this machine, as the settings in the environment and in `.env` describe it: who is not told of another
 * one asks it.
 */
import fs from 'node:fs'
import path from 'node:path'
import type { Config } from '../../config/config.ts'
import { CommandError, EXIT } from '../terminal/exit.ts'

export interface LocalServer {
  readonly url: string
  /** Undefined without TLS. */
  readonly caFile: string | undefined
  readonly user: string
  /** Whoever can read the settings may do what the administrator may. */
  readonly password: string | undefined
}

const ANY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::', ''])

/** @throws CommandError (usage) when the settings are wrong, or there has never been a server with them */
export async function findLocalServer(): Promise<LocalServer> {
  // Not before it is needed: checking the settings takes longer than all the rest of a start.
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
      'No server is named, and the settings of this directory are not those of one.',
      'Give --url, set FIXDEPOT_URL, or write a profile.'
    )
  }
  const name = ANY_ADDRESS.has(host) ? 'localhost' : host
  const authority = `${name.includes(':') ? `[${name}]` : name}:${port}`
  if (tls.mode === 'off') return { url: `http://${authority}`, caFile: undefined, user, password }
  const caFile = tls.mode === 'files' ? tls.certFile : path.join(tls.directory, 'certificate.pem')
  return { url: `https://${authority}`, caFile, user, password }
}
