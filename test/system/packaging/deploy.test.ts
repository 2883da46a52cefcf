/** The files in `deploy/` and the files for containers, as far as they can be checked without running them. */
import { type ExecFileException, execFile, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'

const ROOT = path.join(import.meta.dirname, '../../..')
const KUBERNETES = path.join(ROOT, 'deploy/kubernetes')
const UNIT = path.join(ROOT, 'deploy/systemd/fixdepot.service')

/** In tenths, as systemd counts: from 0, the safest, to 100. */
const EXPOSURE_LIMIT = 15

const read = (file: string) => fs.readFileSync(path.join(ROOT, file), 'utf8')

function lacks(command: string, ...args: string[]): string | false {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0 ? false : `${command} is not installed`
}

interface Outcome {
  readonly code: unknown
  readonly output: string
}

function run(command: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd: ROOT }, (error: ExecFileException | null, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, output: stdout + stderr })
    })
  })
}

t.test('the image is built from files that exist and are in its context', async (t) => {
  const context = read('.dockerignore').split('\n')
  const copies = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files = '']) =>
    files.split(' ')
  )
  t.ok(copies.length > 5)
  for (const file of copies) {
    t.ok(fs.existsSync(path.join(ROOT, file)), `${file} exists`)
    t.ok(context.includes(`!${file.replace(/^\.\//, '')}`), `${file} is in the context`)
  }
})

t.test('the image runs as an unprivileged user, and its health check is a program of the image', async (t) => {
  const lines = read('Dockerfile').split('\n')
  const last = (instruction: string) =>
    lines.findLast((line) => line.startsWith(`${instruction} `) || line.includes(` ${instruction} `)) ?? ''
  t.equal(last('USER'), 'USER 1000:1000')
  for (const line of [last('CMD'), last('HEALTHCHECK')]) {
    const [, program = ''] = /"dist\/(src\/[a-z-]+)\.js"/.exec(line) ?? []
    t.ok(fs.existsSync(path.join(ROOT, `${program}.ts`)), line)
  }
  t.notMatch(read('Dockerfile'), /curl|wget|:latest/)
})

t.test('all containers of the compose file have no capabilities and a read-only root', async (t) => {
  const { services } = parse(read('docker-compose.yml'))
  t.same(Object.keys(services), ['fixdepot', 'proxy'])
  t.same(services.proxy.profiles, ['proxy'], 'the proxy starts only with its profile')
  for (const service of Object.values(services)) {
    t.match(service, { read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'], tmpfs: ['/tmp'] })
  }
  const known = new Set(read('.env.example').match(/FIXDEPOT_\w+/g))
  for (const name of Object.keys(services.fixdepot.environment)) t.ok(known.has(name), `${name} is a setting`)
  const [, proxyConfig = ''] = /^\.\/(\S+?):/.exec(services.proxy.volumes[0]) ?? []
  t.ok(fs.existsSync(path.join(ROOT, proxyConfig)))
})

const compose = lacks('docker', 'compose', 'version') ? ['docker-compose'] : ['docker', 'compose']
const noCompose = lacks(compose[0] ?? '', ...compose.slice(1), 'version')
t.test('compose accepts its file', { skip: noCompose }, async (t) => {
  const [command = '', ...args] = [...compose, '--profile', 'proxy', 'config', '--quiet']
  t.same(await run(command, args), { code: 0, output: '' })
})

t.test(
  'systemd accepts the unit, and rates its exposure as low',
  { skip: lacks('systemd-analyze', '--version') },
  async (t) => {
    // Only the path of Node.js is replaced: it differs between machines.
    const unit = path.join(t.testdir(), 'fixdepot.service')
    const text = fs.readFileSync(UNIT, 'utf8')
    fs.writeFileSync(unit, text.replace('ExecStart=/usr/bin/node ', `ExecStart=${process.execPath} `))
    t.same(await run('systemd-analyze', ['verify', '--man=no', unit]), { code: 0, output: '' })
    const args = ['security', '--offline=true', '--no-pager', `--threshold=${EXPOSURE_LIMIT}`, unit]
    const { code, output } = await run('systemd-analyze', args)
    t.equal(code, 0, output)
  }
)

t.test('the unit names existing settings only', async (t) => {
  const known = new Set(read('.env.example').match(/FIXDEPOT_\w+/g))
  const names = [...fs.readFileSync(UNIT, 'utf8').matchAll(/^Environment=(FIXDEPOT_\w+)/gm)].map(([, name]) => name)
  t.ok(names.length > 0)
  t.same(
    names.filter((name) => !known.has(name ?? '')),
    []
  )
})

/** The type of each kind of object, in the module of its version. */
const TYPES: Readonly<Record<string, string>> = {
  Namespace: 'core/v1',
  PersistentVolumeClaim: 'core/v1',
  Service: 'core/v1',
  StatefulSet: 'apps/v1',
  NetworkPolicy: 'networking.k8s.io/v1'
}

interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
}

function manifests(): Manifest[] {
  const { resources } = parse(fs.readFileSync(path.join(KUBERNETES, 'kustomization.yaml'), 'utf8'))
  return resources.flatMap((file: string) =>
    parseAllDocuments(fs.readFileSync(path.join(KUBERNETES, file), 'utf8')).map((document) => document.toJS())
  )
}

t.test('the manifests match the types of Kubernetes, without unknown properties', async (t) => {
  const all = manifests()
  t.same(new Set(all.map(({ kind }) => kind)), new Set(Object.keys(TYPES)))
  const lines = all.map((manifest, index) => {
    const [group = '', version = ''] = TYPES[manifest.kind]?.split('/') ?? []
    t.equal(manifest.apiVersion, group === 'core' ? version : `${group}/${version}`)
    const module = `kubernetes-types/${group.split('.')[0]}/${version}`
    return `export const object${index}: import('${module}').${manifest.kind} = ${JSON.stringify(manifest)}\n`
  })
  // The compiler refuses unknown properties of a literal, at any depth.
  const directory = t.testdir({ 'manifests.ts': lines.join('') })
  const options =
    '--noEmit --strict --ignoreConfig --skipLibCheck --module esnext --moduleResolution bundler --types node'
  // tap would load itself into the compiler.
  t.same(
    await run('env', ['-u', 'NODE_OPTIONS', 'npx', 'tsc', ...options.split(' '), path.join(directory, 'manifests.ts')]),
    {
      code: 0,
      output: ''
    }
  )
})

t.test('the pod meets the restricted policy of Kubernetes', async (t) => {
  const set = manifests().find(({ kind }) => kind === 'StatefulSet')
  t.match(set, {
    spec: {
      replicas: 1,
      template: {
        spec: {
          automountServiceAccountToken: false,
          // Without it Kubernetes would set FIXDEPOT_PORT to `tcp://…`.
          enableServiceLinks: false,
          securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] }
              },
              readinessProbe: { httpGet: { path: '/health/ready', scheme: 'HTTPS' } },
              livenessProbe: { httpGet: { path: '/health/live', scheme: 'HTTPS' } }
            }
          ]
        }
      }
    }
  })
  t.match(JSON.stringify(manifests()), /"secretKeyRef":\{"name":"fixdepot-admin"/)
  t.notOk(
    manifests().some(({ kind }) => kind === 'Secret'),
    'the files contain no secret'
  )
})
