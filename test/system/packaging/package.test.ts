import { type ExecFileException, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { tooOldNode } from '../../../src/version.ts'
import { basic } from '../../support/api/app.ts'
import { writeFiles } from '../../support/depot.ts'
import { packageFiles } from '../../support/packages.ts'
import { ADMIN_PASSWORD, type Status, until } from '../../support/servers/server.ts'

const ROOT = path.join(import.meta.dirname, '../../..')
/** The files of a checkout that a release is built from. */
const SOURCES = [
  'src',
  'migrations',
  'scripts',
  'docs',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  '.env.example',
  '.npmrc'
]
const SETUP = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json']
/** Errors of npm when it cannot download a package that is not in its cache. */
const NO_NETWORK = /\b(E40[134]|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED)\b/

const { name, version } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
const root = fs.realpathSync(t.testdir({ checkout: {}, empty: { 'package.json': '{}' }, data: {}, repository: {} }))
const [checkout, empty, release] = ['checkout', 'empty', 'release'].map((part) => path.join(root, part)) as [
  string,
  string,
  string
]

/** Arguments of `env`. Without them tap would load itself into every process of npm. */
const WITHOUT_TAP = ['-u', 'NODE_OPTIONS']

/** The machine's npm, with this Node.js. */
function environment(settings: Record<string, string> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([key]) => !/^(_?TAP|FIXDEPOT_|npm_(package|lifecycle))/i.test(key))
  const search = `${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH}`
  return { ...Object.fromEntries(own), PATH: search, ...settings }
}

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function run(cwd: string, command: string, args: readonly string[], env = environment()): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(
      'env',
      [...WITHOUT_TAP, command, ...args],
      { cwd, env },
      (error: ExecFileException | null, stdout, stderr) => {
        resolve({ code: Number(error?.code ?? 0), stdout, stderr })
      }
    )
  })
}

t.before(async () => {
  // The tested checkout is copied and not changed, because other tests read it.
  for (const part of [...SETUP, ...SOURCES, 'deploy']) {
    fs.cpSync(path.join(ROOT, part), path.join(checkout, part), { recursive: true })
  }
  fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(checkout, 'node_modules'))
  const { code, stderr } = await run(checkout, 'npm', ['run', 'release', '--', release])
  if (code !== 0) throw new Error(stderr)
})

t.test('a release has the package, its bills of materials, and the digests of all', async (t) => {
  const base = `${name}-${version}`
  t.same(fs.readdirSync(release).sort(), ['SHA256SUMS', `${base}.cdx.json`, `${base}.spdx.json`, `${base}.tgz`])
  const bill = JSON.parse(fs.readFileSync(path.join(release, `${base}.cdx.json`), 'utf8'))
  const names = bill.components.map((component: { name: string }) => component.name)
  t.match(bill, { bomFormat: 'CycloneDX', metadata: { component: { name, version } } })
  t.ok(names.includes('better-sqlite3'))
  t.notOk(names.includes('tap'), 'the bill has no development dependencies')
  const other = JSON.parse(fs.readFileSync(path.join(release, `${base}.spdx.json`), 'utf8'))
  t.match(other.spdxVersion, /^SPDX-2/)
  t.equal(other.packages.length, names.length + 1)
  t.match(await run(release, 'sha256sum', ['--check', '--strict', 'SHA256SUMS']), { code: 0 })
  t.notOk(fs.existsSync(path.join(checkout, 'npm-shrinkwrap.json')), 'no generated file remains in the checkout')
})

t.test('the release is installed into an empty directory, and serves an export', async (t) => {
  const tarball = path.join(release, `${name}-${version}.tgz`)
  const install = await run(empty, 'npm', ['install', tarball, '--prefer-offline', '--no-audit', '--no-fund'])
  if (NO_NETWORK.test(install.stderr)) return t.pass('npm cannot get the dependencies here', { skip: install.stderr })
  t.equal(install.code, 0, install.stderr)
  const installed = path.join(empty, 'node_modules', name)
  t.same(fs.readdirSync(path.join(installed, 'dist')).sort(), ['migrations', 'src'])
  t.same(
    fs.readdirSync(installed, { recursive: true }).filter((file) => /\.(ts|db)$|^(test|\.git)/.test(String(file))),
    []
  )
  t.same(await run(empty, 'npx', ['--no-install', 'fixdepot', '--version']), {
    code: 0,
    stdout: `${version}\n`,
    stderr: ''
  })

  writeFiles(path.join(root, 'repository'), packageFiles({ fixid: 'a', payload: 'firmware'.repeat(10_000) }))
  const settings = {
    FIXDEPOT_PORT: '0',
    FIXDEPOT_DATA_DIR: path.join(root, 'data'),
    FIXDEPOT_REPOSITORY_DIR: path.join(root, 'repository'),
    FIXDEPOT_ADMIN_PASSWORD: ADMIN_PASSWORD,
    FIXDEPOT_TLS: 'off'
  }
  // A separate process group: npx, a shell and the server end together.
  const server = spawn('env', [...WITHOUT_TAP, 'npx', '--no-install', 'fixdepot', 'serve'], {
    cwd: empty,
    env: environment(settings),
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = once(server, 'close')
  t.teardown(async () => {
    if (server.exitCode === null && server.pid !== undefined) process.kill(-server.pid, 'SIGKILL')
    await ended
  })
  let url = ''
  for await (const line of createInterface(server.stdout)) {
    url = /Server listening at (http:[^"]+)/.exec(line)?.[1] ?? ''
    if (url !== '') break
  }
  server.stdout.resume()

  const port = new URL(url).port
  const check = [path.join(installed, 'dist/src/main.js'), 'health']
  const healthy = await run(empty, 'node', check, environment({ ...settings, FIXDEPOT_PORT: port }))
  t.match(healthy, { code: 0, stdout: /"status":"ready"/ })
  const unreachable = await run(empty, 'node', check, environment({ ...settings, FIXDEPOT_PORT: '1' }))
  t.match(unreachable, { code: 1, stdout: /ECONNREFUSED/ })

  const depot = `${url}/updateRepositories/firmware`
  const call = (to: string, init: RequestInit = {}) =>
    fetch(depot + to, { ...init, headers: { authorization: basic('admin', ADMIN_PASSWORD) } })
  const json = async <Body>(to: string, init?: RequestInit) => (await (await call(to, init)).json()) as Body
  const statusOf = (query: string) => json<Status>(`/status?${query}`)
  await until('the repository is scanned', async () => (await statusOf('tasktype=READREPOSITORY')).state === 'complete')
  const { taskid } = await json<{ taskid: number }>('?action=export', { method: 'PUT', body: '{"fixids":["a"]}' })
  await until('the export has ended', async () => (await statusOf(`taskid=${taskid}`)).progress === 100)
  const { state, current } = await statusOf(`taskid=${taskid}`)
  t.equal(state, 'complete')
  const archive = await call(`?key=export&exportRepoFilename=${current}`)
  t.equal(archive.status, 200)
  t.equal(Buffer.from(await archive.arrayBuffer()).toString('latin1', 0, 2), 'PK')

  if (server.pid !== undefined) process.kill(-server.pid, 'SIGTERM')
  await ended
  t.notOk(fs.existsSync(path.join(root, 'data/fixdepot.db-wal')), 'SIGTERM ends the server gracefully')
})

t.test('an old Node.js is refused with a sentence', async (t) => {
  t.equal(tooOldNode('20.19.5', '>=22.18'), 'fixdepot needs Node.js 22.18 or newer, and this is 20.19.5.')
  t.match(tooOldNode('22.9.0', '>=22.18'), /22\.18/)
  for (const version of ['22.18.0', '22.20.1', '24.0.0']) t.equal(tooOldNode(version, '>=22.18'), undefined)
  t.equal(tooOldNode(process.versions.node), undefined, 'the running version is supported')
})
