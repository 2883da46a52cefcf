/** The compose file of several depots, checked without a container engine. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { parse } from 'yaml'

const DIRECTORY = path.join(import.meta.dirname, '../../../deploy/cluster')
const ENVIRONMENT_EXAMPLE = path.join(import.meta.dirname, '../../../.env.example')
const COMPOSE = path.join(DIRECTORY, 'compose.yml')

const text = fs.readFileSync(COMPOSE, 'utf8')
const { services, volumes } = parse(text, { merge: true })
const proxyConfig = fs.readFileSync(path.join(DIRECTORY, 'nginx.conf'), 'utf8')
const depots = Object.keys(services).filter((name) => name.startsWith('fixdepot-'))

/** The variables that an operator must set. */
const required = [
  ...fs.readFileSync(path.join(DIRECTORY, '.env.example'), 'utf8').matchAll(/^([A-Z][A-Z0-9_]+)=$/gm)
].map(([, name = '']) => name)

t.test('all containers have no capabilities and a read-only root, restart, and have a health check', async (t) => {
  t.same(Object.keys(services), [...depots, 'proxy', 'database', 'storage'])
  for (const [name, service] of Object.entries<Record<string, unknown>>(services)) {
    const contained = { read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] }
    t.match(service, { ...contained, restart: 'unless-stopped' }, name)
    t.ok((service.tmpfs as string[]).includes('/tmp'), name)
    // The image of the depots defines its own health check.
    t.equal('healthcheck' in service, !depots.includes(name), name)
    t.match(service.image, depots.includes(name) ? 'fixdepot' : /:(?!latest)/, name)
    t.equal('ports' in service, name === 'proxy', `only the proxy is reached from outside, not ${name}`)
  }
  t.same(depots.length, 3)
})

t.test('the depots have equal, existing settings, and those that several servers need', async (t) => {
  const known = new Set(fs.readFileSync(ENVIRONMENT_EXAMPLE, 'utf8').match(/FIXDEPOT_\w+/g))
  const [first] = depots
  const { environment } = services[first ?? '']
  for (const name of Object.keys(environment).filter((name) => name.startsWith('FIXDEPOT_'))) {
    t.ok(known.has(name), `${name} is a setting`)
  }
  for (const name of depots) {
    t.same(services[name].environment, environment, name)
    t.equal(services[name].volumes[1], services[first ?? ''].volumes[1], 'all depots mount the same firmware')
  }
  const own = depots.map((name) => services[name].volumes[0])
  t.same(
    own,
    depots.map((_, index) => `data-${index + 1}:/data`)
  )
  for (const volume of own) t.ok(volume.split(':')[0] in volumes, volume)
  t.match(environment, {
    FIXDEPOT_TLS: 'off',
    FIXDEPOT_ALLOW_PLAIN_HTTP: 'yes',
    FIXDEPOT_DATABASE_URL: /^postgres:\/\/fixdepot:.*@database\/fixdepot$/,
    FIXDEPOT_ARCHIVES_URL: `s3://${services.storage.environment.GARAGE_DEFAULT_BUCKET}/archives`,
    FIXDEPOT_TRUST_PROXY: services.proxy.networks.front.ipv4_address
  })
})

t.test('the proxy has the address of every depot', async (t) => {
  const upstream = [...proxyConfig.matchAll(/^ +server ([\w-]+):8443 /gm)].map(([, name]) => name)
  t.same(upstream, depots)
  t.same(
    services.proxy.extra_hosts,
    depots.map((name) => `${name}:${services[name].networks.front.ipv4_address}`)
  )
  t.equal(new Set(depots.map((name) => services[name].networks.front.ipv4_address)).size, depots.length)
})

t.test('mounted files exist and contain no secret', async (t) => {
  const mounted = Object.values<{ volumes?: string[] }>(services).flatMap(({ volumes = [] }) => volumes)
  const files = mounted.flatMap((volume) => /^\.\/([^:]+):/.exec(volume)?.[1] ?? [])
  t.same(files.sort(), ['garage.toml', 'nginx.conf'])
  for (const file of files) t.ok(fs.existsSync(path.join(DIRECTORY, file)), file)
  t.notMatch(fs.readFileSync(path.join(DIRECTORY, 'garage.toml'), 'utf8'), /_secret|_token/)
  for (const [, name = ''] of text.matchAll(/\$\{(\w+):\?/g)) t.ok(required.includes(name), `${name} is in the example`)
})

const isThere = (command: readonly string[]) =>
  spawnSync(command[0] ?? '', [...command.slice(1), 'version'], { stdio: 'ignore' }).status === 0
const compose = [['docker', 'compose'], ['docker-compose']].find(isThere)

t.test(
  'compose understands the file, and says what is missing',
  { skip: compose ? false : 'no compose' },
  async (t) => {
    // An empty directory, so that no `.env` of the developer is read.
    const cwd = t.testdir({ empty: '' })
    const options = ['--env-file', path.join(cwd, 'empty'), '-f', COMPOSE, 'config', '--quiet']
    const [command = '', ...args] = [...(compose ?? []), ...options]
    const given = Object.fromEntries(required.map((name) => [name, name.endsWith('_DIR') ? cwd : 'value1234']))
    const run = (environment: Record<string, string>) =>
      spawnSync(command, args, { cwd, env: { PATH: process.env.PATH, HOME: cwd, ...environment }, encoding: 'utf8' })
    const { status, stdout, stderr } = run(given)
    t.same({ status, output: stdout + stderr }, { status: 0, output: '' })
    for (const name of required) {
      const { [name]: _, ...others } = given
      t.not(run(others).status, 0, `${name} has to be given`)
    }
  }
)
