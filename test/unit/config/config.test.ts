import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { readConfig } from '../../../src/config/config.ts'
import { ConfigError } from '../../../src/config/config-error.ts'
import { DEFAULT_PROTECTION } from '../../../src/core/accounts/protection.ts'

const sentenceOf = (environment: Record<string, string>): string => {
  try {
    return JSON.stringify(readConfig(environment))
  } catch (error) {
    return error instanceof ConfigError ? error.message : String(error)
  }
}

t.test('without settings everything has a default', async (t) => {
  t.same(readConfig({}), {
    host: '127.0.0.1',
    port: 8443,
    tls: { mode: 'self-signed', directory: path.resolve('data/tls'), names: [] },
    storage: {
      dataDirectory: path.resolve('data'),
      repositoryDirectory: path.resolve('data/repository'),
      archivesDirectory: path.resolve('data/archives'),
      archivesBucket: undefined,
      databaseFile: path.resolve('data/fixdepot.db'),
      databaseUrl: undefined,
      allotmentBytes: undefined,
      archiveTtlMs: 7 * 86_400_000
    },
    isRedirecting: false,
    role: 'all',
    adminUser: 'admin',
    adminPassword: undefined,
    workers: 1,
    sessionTimeoutMs: 86_400_000,
    protection: DEFAULT_PROTECTION,
    metrics: undefined,
    logLevel: 'info'
  })
})

t.test('every setting can be given', async (t) => {
  const config = readConfig({
    FIXDEPOT_HOST: '::',
    FIXDEPOT_PORT: '0',
    FIXDEPOT_TLS_NAMES: 'depot.example,192.0.2.7',
    FIXDEPOT_DATA_DIR: '/var/lib/fixdepot/',
    FIXDEPOT_DATABASE_URL: 'postgresql://fixdepot:secret@db/depot',
    FIXDEPOT_ROLE: 'api',
    FIXDEPOT_REPOSITORY_DIR: '/srv/firmware/../images',
    FIXDEPOT_ARCHIVES_URL: 'file:///shared/archives/',
    FIXDEPOT_ADMIN_USER: 'operator',
    FIXDEPOT_ADMIN_PASSWORD: 'eight ch',
    FIXDEPOT_WORKERS: '64',
    FIXDEPOT_ALLOTMENT: '1.5 TiB',
    FIXDEPOT_ARCHIVE_TTL: '12 h',
    FIXDEPOT_SESSION_TIMEOUT: '30m',
    FIXDEPOT_CORS_ORIGINS: 'https://console.example,http://[::1]:3000',
    FIXDEPOT_TRUST_PROXY: '127.0.0.1,10.0.0.0/8,fd00::/8',
    FIXDEPOT_DOCS: 'login',
    FIXDEPOT_MAX_CONNECTIONS: '100',
    FIXDEPOT_METRICS_LISTEN: '[::1]:9464',
    FIXDEPOT_LOG_LEVEL: 'silent'
  })
  t.same(config, {
    host: '::',
    port: 0,
    tls: { mode: 'self-signed', directory: '/var/lib/fixdepot/tls', names: ['depot.example', '192.0.2.7'] },
    storage: {
      dataDirectory: '/var/lib/fixdepot',
      repositoryDirectory: '/srv/images',
      archivesDirectory: '/shared/archives',
      archivesBucket: undefined,
      databaseFile: '/var/lib/fixdepot/fixdepot.db',
      databaseUrl: 'postgresql://fixdepot:secret@db/depot',
      allotmentBytes: 1.5 * 2 ** 40,
      archiveTtlMs: 12 * 3_600_000
    },
    isRedirecting: false,
    role: 'api',
    adminUser: 'operator',
    adminPassword: 'eight ch',
    workers: 64,
    sessionTimeoutMs: 30 * 60_000,
    protection: {
      corsOrigins: ['https://console.example', 'http://[::1]:3000'],
      trustedProxies: ['127.0.0.1', '10.0.0.0/8', 'fd00::/8'],
      docs: 'login',
      maxConnections: 100,
      userLimits: DEFAULT_PROTECTION.userLimits
    },
    metrics: { host: '::1', port: 9464 },
    logLevel: 'silent'
  })
  t.ok(Object.isFrozen(config))
})

t.test('an empty setting counts as not given', async (t) => {
  const empty = { FIXDEPOT_PORT: '', FIXDEPOT_ADMIN_PASSWORD: '', FIXDEPOT_ALLOTMENT: '', FIXDEPOT_REPOSITORY_DIR: '' }
  t.same(readConfig(empty), readConfig({}))
})

t.test('a wrong value is answered with a sentence that names its setting', async (t) => {
  const wrong: Record<string, readonly string[]> = {
    FIXDEPOT_PORT: ['65536', '-1', 'https', '80.5', '0x50', '999999', ' 80'],
    FIXDEPOT_TLS: ['on', 'OFF', 'self signed'],
    FIXDEPOT_TLS_NAMES: [',', 'a b', '*.example'],
    FIXDEPOT_ALLOW_PLAIN_HTTP: ['true', '1'],
    FIXDEPOT_ADMIN_USER: ['with:colon', 'with space', ' '],
    FIXDEPOT_ADMIN_PASSWORD: ['short', '1234567'],
    FIXDEPOT_WORKERS: ['0', '65', '-1', 'many', '1.5', '01'],
    FIXDEPOT_ARCHIVE_TTL: ['for ever', '7', '0d', '-1d', '1.5d', '7 days', '7d 3h'],
    FIXDEPOT_SESSION_TIMEOUT: ['0m', '30', 'never'],
    FIXDEPOT_METRICS_LISTEN: [
      '65536',
      '-1',
      'yes',
      '999999',
      'host',
      ':9464',
      '::1:9464',
      '[::1]',
      'a b:1',
      'host:65536'
    ],
    FIXDEPOT_DATABASE_URL: ['mysql://root@db/depot', 'postgres://db', 'depot', 'postgres://db/ depot'],
    FIXDEPOT_ALLOTMENT: ['lots', '-5GB', '5 apples', 'GB', '1e9', '5GB 3MB', '5.GB'],
    FIXDEPOT_CORS_ORIGINS: ['*', 'null', 'console.example', 'https://a.example/', 'https://A.example', 'https://a b'],
    FIXDEPOT_TRUST_PROXY: [
      'true',
      '1',
      '*',
      'proxy.example',
      '0.0.0.0/0',
      '::/0',
      '10.0.0.0/33',
      '10.0.0/8',
      '1.2.3.4,'
    ],
    FIXDEPOT_DOCS: ['yes', 'Public'],
    FIXDEPOT_MAX_CONNECTIONS: ['0', '-1', '1e3', '010', '99999999'],
    FIXDEPOT_LOG_LEVEL: ['loud', 'INFO', 'toString']
  }
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const sentence = sentenceOf({ [name]: value })
      t.match(sentence, new RegExp(`^The setting ${name} must be .+\\.$`), `${name}=${value}`)
    }
  }
  t.equal(sentenceOf({ FIXDEPOT_PORT: '70000' }), 'The setting FIXDEPOT_PORT must be a port from 0 to 65535.')
  t.notMatch(sentenceOf({ FIXDEPOT_ADMIN_PASSWORD: 'secret!' }), 'secret!', 'a password is never repeated')
})

t.test('the setting that is wrong is named, and not another one', async (t) => {
  t.match(sentenceOf({ FIXDEPOT_PORT: '70000', FIXDEPOT_WORKERS: '2' }), 'FIXDEPOT_PORT')
  t.match(sentenceOf({ FIXDEPOT_PORT: '7000', FIXDEPOT_LOG_LEVEL: 'loud' }), 'FIXDEPOT_LOG_LEVEL')
})

t.test('sizes may have decimal or binary units, in any case, or none', async (t) => {
  const sizes: Record<string, number> = {
    '0': 0,
    '1024': 1024,
    '12B': 12,
    '1KB': 1e3,
    '2 MB': 2e6,
    '500GB': 5e11,
    '2.5TB': 2.5e12,
    '1KiB': 2 ** 10,
    '1MiB': 2 ** 20,
    '1.5GiB': 1.5 * 2 ** 30,
    '1TiB': 2 ** 40,
    '0.0005KB': 0,
    '500gb': 5e11,
    '1gib': 2 ** 30
  }
  for (const [text, bytes] of Object.entries(sizes)) {
    t.match(sentenceOf({ FIXDEPOT_ALLOTMENT: text }), `"allotmentBytes":${bytes},`, text)
  }
})

t.test("the repository and the data keep out of each other's way", async (t) => {
  const directories = (data: string, repository: string) =>
    sentenceOf({ FIXDEPOT_DATA_DIR: data, FIXDEPOT_REPOSITORY_DIR: repository })
  const refused: [string, string][] = [
    ['/srv/fw', '/srv/fw'],
    ['/srv/fw/data', '/srv/fw'],
    ['/srv/fw/a/b', '/srv/fw/'],
    ['/srv/data', '/srv/data/archives'],
    ['/srv/data', '/srv/data/archives/fw'],
    ['/srv/data', '/']
  ]
  for (const [data, repository] of refused) {
    t.match(
      directories(data, repository),
      /^The setting FIXDEPOT_\w+ must not lie inside .+\.$/,
      `${data}, ${repository}`
    )
  }
  const accepted: [string, string][] = [
    ['/srv/data', '/srv/fw'],
    ['/srv/fw-data', '/srv/fw'],
    ['/srv/data', '/srv/data/repository'],
    ['/srv/data', '/srv/data/archives-of-old']
  ]
  for (const [data, repository] of accepted) t.match(directories(data, repository), `"${repository}"`)
})

t.test('metrics are served on a port of loopback, or on an address and a port', async (t) => {
  const listening = (FIXDEPOT_METRICS_LISTEN: string) => readConfig({ FIXDEPOT_METRICS_LISTEN }).metrics
  t.same(listening('9464'), { host: '127.0.0.1', port: 9464 })
  t.same(listening('192.0.2.7:0'), { host: '192.0.2.7', port: 0 })
  t.same(listening('depot.example:9464'), { host: 'depot.example', port: 9464 })
  t.same(listening('[::1]:9464'), { host: '::1', port: 9464 })
})

t.test(
  'a name that begins like a setting and is none is refused, and all such names are in the sentence',
  async (t) => {
    const environment = { FIXDEPOT_PORT: '1', FIXDEPOT_PROT: '1', FIXDEPOT_: '', fixdepot_port: '1', PATH: '/bin' }
    t.equal(sentenceOf(environment), 'Unknown settings, misspelt or removed: FIXDEPOT_PROT, FIXDEPOT_.')
    const known = { FIXDEPOT_PORT: '1', fixdepot_port: '1', constructor: 'x', toString: 'x' }
    t.equal(readConfig(known).port, 1)
    t.ok(readConfig({ FIXDEPOT_URL: 'x', FIXDEPOT_TOKEN: 'x' }), 'those of the command line are known')
  }
)

t.test('a .env file fills in what the environment does not have', async (t) => {
  const cwd = t.testdir({ '.env': 'FIXDEPOT_PORT=1111\nFIXDEPOT_ADMIN_USER=from-file\n' })
  const module = new URL('../../../src/config/config.ts', import.meta.url).href
  const code = `const { readConfig } = await import('${module}'); console.log(JSON.stringify(readConfig()))`
  const env = { FIXDEPOT_PORT: '2222' }
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], { cwd, env })
  t.match(JSON.parse(stdout), { port: 2222, adminUser: 'from-file' })
})

t.test('plain HTTP is for loopback, unless it is allowed elsewhere', async (t) => {
  for (const FIXDEPOT_HOST of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) {
    t.same(readConfig({ FIXDEPOT_TLS: 'off', FIXDEPOT_HOST }).tls, { mode: 'off' })
  }
  for (const FIXDEPOT_HOST of ['0.0.0.0', '::', '192.0.2.7', 'depot.example', '127.0.0.1.example']) {
    t.throws(() => readConfig({ FIXDEPOT_TLS: 'off', FIXDEPOT_HOST }), {
      name: 'ConfigError',
      message: /loopback only/
    })
    t.same(readConfig({ FIXDEPOT_TLS: 'off', FIXDEPOT_HOST, FIXDEPOT_ALLOW_PLAIN_HTTP: 'yes' }).tls, { mode: 'off' })
  }
})

t.test('the files of a certificate are given both', async (t) => {
  const files = { FIXDEPOT_TLS_CERT: '/etc/tls/cert.pem', FIXDEPOT_TLS_KEY: '/etc/tls/key.pem' }
  t.same(readConfig({ FIXDEPOT_TLS: 'files', ...files }).tls, {
    mode: 'files',
    certFile: '/etc/tls/cert.pem',
    keyFile: '/etc/tls/key.pem'
  })
  for (const name of Object.keys(files)) {
    const settings = { FIXDEPOT_TLS: 'files', ...files, [name]: '' }
    t.throws(() => readConfig(settings), { name: 'ConfigError', message: /must both be set/ })
  }
})

t.test('a server that does a part of the work needs a database that others reach', async (t) => {
  for (const role of ['api', 'worker']) {
    t.match(sentenceOf({ FIXDEPOT_ROLE: role }), `With FIXDEPOT_ROLE=${role} other servers do the rest of the work`)
    t.match(readConfig({ FIXDEPOT_ROLE: role, FIXDEPOT_DATABASE_URL: 'postgres://db/depot' }), { role })
  }
  t.equal(sentenceOf({ FIXDEPOT_ROLE: 'both' }), 'The setting FIXDEPOT_ROLE must be one of all, api and worker.')
})
