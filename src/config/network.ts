/** The settings of the addresses to listen on, and of TLS. */
import path from 'node:path'
import { ConfigError } from './config-error.ts'
import { optionalSetting, type SettingValues, setting } from './setting.ts'

const PORT = '(\\d{1,4}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d{2}|655[0-2]\\d|6553[0-5])'

export const NETWORK_SETTINGS = {
  FIXDEPOT_HOST: setting({
    default: '127.0.0.1',
    minLength: 1,
    description: 'the address to listen on',
    purpose: 'The address that the server listens on; `0.0.0.0` and `::` stand for all of them.',
    changedBy:
      'Operators with clients on other machines; which networks may reach the server is their decision, so the default is loopback.'
  }),
  FIXDEPOT_PORT: setting({
    default: '8443',
    pattern: `^${PORT}$`,
    description: 'a port from 0 to 65535',
    purpose: 'The port that the server listens on; 0 takes any free port.',
    changedBy:
      'Operators of machines where the port is taken; clients are configured with it, so it must not change automatically.'
  }),
  FIXDEPOT_TLS: setting({
    default: 'self-signed',
    enum: ['self-signed', 'files', 'off'],
    description: 'one of self-signed, files and off',
    purpose:
      'How connections are encrypted: `self-signed` creates a certificate and keeps it in the data directory, `files` uses the ' +
      'certificate of `FIXDEPOT_TLS_CERT` and `FIXDEPOT_TLS_KEY`, `off` is plain HTTP.',
    changedBy:
      'Operators with a certificate of their own, or with a proxy that ends TLS; the server cannot see what clients trust.'
  }),
  FIXDEPOT_TLS_CERT: optionalSetting({
    unset: 'none',
    minLength: 1,
    description: 'a file',
    purpose:
      'With `FIXDEPOT_TLS=files`: the PEM file of the certificate and its chain. It is read again when it changes.',
    changedBy: 'Operators with a certificate of their own. The server cannot know its path.'
  }),
  FIXDEPOT_TLS_KEY: optionalSetting({
    unset: 'none',
    minLength: 1,
    description: 'a file',
    purpose: 'With `FIXDEPOT_TLS=files`: the PEM file of the private key. It is read again when it changes.',
    changedBy: 'Operators with a certificate of their own. The server cannot know the path of its key.'
  }),
  FIXDEPOT_TLS_NAMES: optionalSetting({
    unset: 'the names and addresses of the machine',
    pattern: '^[A-Za-z0-9.:-]+(,[A-Za-z0-9.:-]+)*$',
    description: 'names and addresses, comma-separated',
    purpose:
      'With `FIXDEPOT_TLS=self-signed`: further names and addresses of the certificate. A new name makes a new certificate.',
    changedBy: 'Operators whose clients use a DNS alias or a translated address, which the machine does not know.'
  }),
  FIXDEPOT_ALLOW_PLAIN_HTTP: setting({
    default: 'no',
    enum: ['yes', 'no'],
    description: 'yes or no',
    purpose: 'With `FIXDEPOT_TLS=off`: `yes` lets the server listen on other addresses than loopback, too.',
    changedBy: 'Operators with a proxy that ends TLS on another machine; the server cannot detect such a proxy.'
  }),
  FIXDEPOT_METRICS_LISTEN: optionalSetting({
    unset: 'none',
    pattern: `^((\\[[0-9A-Fa-f:.]+\\]|[^:\\[\\]\\s]+):)?${PORT}$`,
    description: 'a port from 0 to 65535, or an address and a port such as 192.0.2.7:9464 or [::1]:9464',
    purpose:
      'An address that serves `/metrics` alone, over plain HTTP and without a login ([observability.md](observability.md)). ' +
      'A port alone means loopback.',
    changedBy: 'Operators of Prometheus; an address without a login is never opened by default.'
  })
}

/** How connections are protected. */
export type TlsConfig =
  | { readonly mode: 'off' }
  | { readonly mode: 'files'; readonly certFile: string; readonly keyFile: string }
  | {
      readonly mode: 'self-signed'
      readonly directory: string
      /** Besides those that the machine has by itself. */
      readonly names: readonly string[]
    }

/** An address and a port to listen on. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export interface NetworkConfig extends ListenAddress {
  readonly tls: TlsConfig
  /** Where the metrics are served without a login; undefined: nowhere. */
  readonly metrics: ListenAddress | undefined
}

type Settings = SettingValues<typeof NETWORK_SETTINGS>

/** @throws ConfigError */
export function networkConfig(settings: Settings, dataDirectory: string): NetworkConfig {
  return {
    host: settings.FIXDEPOT_HOST,
    port: Number(settings.FIXDEPOT_PORT),
    tls: tlsConfig(settings, dataDirectory),
    metrics: metricsAddress(settings.FIXDEPOT_METRICS_LISTEN)
  }
}

function metricsAddress(text: string | undefined): ListenAddress | undefined {
  if (text === undefined) return undefined
  const [, bracketed, host, port] = /^(?:(?:\[(.+)\]|(.+)):)?(\d+)$/.exec(text) ?? []
  return { host: bracketed ?? host ?? '127.0.0.1', port: Number(port) }
}

function tlsConfig(settings: Settings, dataDirectory: string): TlsConfig {
  const { FIXDEPOT_TLS: mode, FIXDEPOT_TLS_CERT: cert, FIXDEPOT_TLS_KEY: key } = settings
  if (mode === 'self-signed') {
    return { mode, directory: path.join(dataDirectory, 'tls'), names: settings.FIXDEPOT_TLS_NAMES?.split(',') ?? [] }
  }
  if (mode === 'files') {
    if (cert === undefined || key === undefined) {
      throw new ConfigError('With FIXDEPOT_TLS=files, FIXDEPOT_TLS_CERT and FIXDEPOT_TLS_KEY must both be set.')
    }
    return { mode, certFile: path.resolve(cert), keyFile: path.resolve(key) }
  }
  refuseOpenPlainHttp(settings)
  return { mode: 'off' }
}

function refuseOpenPlainHttp({ FIXDEPOT_HOST: host, FIXDEPOT_ALLOW_PLAIN_HTTP: isAllowed }: Settings): void {
  const isLoopback = host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
  if (isLoopback || isAllowed === 'yes') return
  throw new ConfigError(
    `With FIXDEPOT_TLS=off the server listens on loopback only, and FIXDEPOT_HOST is ${host}. ` +
      'Where a proxy with TLS is in front of it, set FIXDEPOT_ALLOW_PLAIN_HTTP=yes.'
  )
}
