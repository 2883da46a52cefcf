import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { acquireInstanceLock, lockFileIn } from '../../../src/store/engine/instance-lock.ts'
import { makeDepot } from '../../support/depot.ts'
import { packageFiles } from '../../support/packages.ts'

const MAIN = path.join(import.meta.dirname, '../../../src/main.ts')
const PACKAGE = path.join(import.meta.dirname, '../../../package.json')

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

async function run(t: Test, args: readonly string[], settings: Record<string, string> = {}): Promise<Outcome> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: t.testdirName,
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code, stdout, stderr }
}

/** The settings of a depot with a scanned repository. */
async function settingsOf(t: Test): Promise<Record<string, string>> {
  const depot = await makeDepot(t, packageFiles({ fixid: 'a', payload: 'x' }))
  await depot.scan()
  return { FIXDEPOT_DATA_DIR: depot.root, FIXDEPOT_REPOSITORY_DIR: depot.repositoryDirectory }
}

t.test('help and version are printed on request', async (t) => {
  t.testdir()
  const [help, flag, verb, version] = await Promise.all([
    run(t, ['help']),
    run(t, ['--help']),
    run(t, ['export', '-h']),
    run(t, ['--version'])
  ])
  t.match(help, { code: 0, stderr: '' })
  t.match(help.stdout, /^Usage: fixdepot .*export .*backup .*doctor .*Exit codes: 0 done/s)
  t.same(flag, help)
  t.match(verb, {
    code: 0,
    stdout: /^Usage: fixdepot export .*--with-requisites.*Connection:.*FIXDEPOT_URL/s,
    stderr: ''
  })
  t.same(version, { code: 0, stdout: `${JSON.parse(fs.readFileSync(PACKAGE, 'utf8')).version}\n`, stderr: '' })
})

t.test('an invalid command line is refused with a reason, and changes nothing', async (t) => {
  const root = t.testdir()
  const cases = [['frobnicate'], ['backup'], ['backup', '--rebuild', 'a'], ['doctor', 'x']]
  const more = [['--rebuild'], ['--port', '1'], ['verify'], ['completion', 'tcsh'], ['export', '--id', 'x']]
  await Promise.all(
    [...cases, ...more].map(async (args) => {
      const outcome = await run(t, args)
      t.match(outcome, { code: 2, stdout: '', stderr: /^fixdepot: .*\nTry fixdepot --help\.\n$/s }, args.join(' '))
    })
  )
  t.same(fs.readdirSync(root), [])
})

t.test('without a server in arguments or settings, the error says how to name one', async (t) => {
  t.testdir()
  t.match(await run(t, ['list']), { code: 2, stdout: '', stderr: /^fixdepot: No server is named.*--url/ })
  t.match(await run(t, ['list'], { FIXDEPOT_PORT: 'x' }), { code: 2, stderr: /FIXDEPOT_PORT/ })
})

t.test('completion scripts know every command, and bash completes with them', async (t) => {
  const root = t.testdir()
  const [bash, zsh, fish] = await Promise.all(['bash', 'zsh', 'fish'].map((shell) => run(t, ['completion', shell])))
  const verbs = [
    'serve',
    'status',
    'scan',
    'list',
    'show',
    'export',
    'import',
    'verify',
    'backup',
    'doctor',
    'migrate',
    'health',
    'completion'
  ]
  for (const script of [bash, zsh, fish]) {
    t.match(script, { code: 0, stderr: '' })
    for (const verb of verbs) t.match(script?.stdout, verb)
  }
  const file = path.join(root, 'fixdepot.bash')
  fs.writeFileSync(file, bash?.stdout ?? '')
  const complete = (words: string, index: number) => {
    const script = `source '${file}'; COMP_WORDS=(${words}); COMP_CWORD=${index}; _fixdepot; echo "\${COMPREPLY[@]}"`
    return spawnSync('bash', ['-c', script], { encoding: 'utf8' })
  }
  t.match(complete('fixdepot ex', 1), { status: 0, stdout: 'export\n', stderr: '' })
  t.match(complete('fixdepot export --al', 2), { stdout: '--all\n' })
  t.match(complete('fixdepot --json doctor --re', 3), { stdout: '--rebuild\n' })
  for (const [shell, script] of [
    ['zsh', zsh],
    ['fish', fish]
  ] as const) {
    const checked = spawnSync(shell, ['-n'], { input: script?.stdout ?? '', encoding: 'utf8' })
    // The check needs the shell.
    if (checked.error === undefined) t.equal(checked.status, 0, checked.stderr)
  }
})

t.test('a server loads nothing of the client, and the client nothing of the server', async (t) => {
  const root = t.testdir()
  // Prints the loaded modules when the process ends.
  const hook = path.join(root, 'hook.mjs')
  fs.writeFileSync(
    hook,
    `import { registerHooks } from 'node:module'
const seen = []
registerHooks({ load: (url, context, next) => { seen.push(url); return next(url, context) } })
// The modules before main.ts are those of the test runner.
process.on('exit', () => process.stderr.write(seen.slice(seen.findIndex((url) => url.endsWith('main.ts'))).join('\\n')))
`
  )
  const environment = { NODE_OPTIONS: `--import=${hook}`, FIXDEPOT_PORT: 'x' }
  const [server, client, probe] = await Promise.all([
    run(t, ['serve'], environment),
    run(t, ['list', '--url', 'ftp://x'], environment),
    run(t, ['health'], environment)
  ])
  t.match(server.stderr, /src\/server\/serve\.ts/)
  t.notMatch(server.stderr, /src\/cli\/|node_modules\/commander/)
  t.match(client.stderr, /src\/cli\/client\/connection\.ts/)
  t.notMatch(client.stderr, /src\/(http|store|worker|storage|metadata|config)\/|node_modules\/(?!commander)/)
  t.match(probe.stderr, /src\/cli\/commands\/health\.ts/)
  t.notMatch(probe.stderr, /src\/(http|store|worker|storage|metadata|admin|server)\/|better-sqlite3|fastify/)
})

t.test('backup copies the database, and prints the target', async (t) => {
  const settings = await settingsOf(t)
  const file = path.join(t.testdirName, 'copy.db')
  t.same(await run(t, ['backup', file], settings), {
    code: 0,
    stdout: `The database was copied into ${file}.\n`,
    stderr: ''
  })
  t.ok(fs.statSync(file).size > 0)
  t.match(await run(t, ['backup', file], settings), { code: 1, stdout: '', stderr: /already exists/ })
  const refused = await run(t, ['backup', file, '--json'], settings)
  t.match(JSON.parse(refused.stderr), { error: /already exists/, code: 'Refusal', exitCode: 1 })
  const { stdout } = await run(t, ['backup', `${file}2`, '--json'], settings)
  t.match(JSON.parse(stdout), { file: `${file}2`, database: /fixdepot\.db$/ })
})

t.test('the exit code of doctor shows its result', async (t) => {
  const settings = await settingsOf(t)
  t.same(await run(t, ['doctor'], settings), { code: 0, stdout: 'Everything is sound.\n', stderr: '' })
  fs.writeFileSync(path.join(t.testdirName, 'repository', 'new.txt'), 'x')
  t.match(await run(t, ['doctor'], settings), {
    code: 1,
    stdout: /^catalog: new\.txt is new\.\n1 finding: /,
    stderr: ''
  })
  const { code, stdout } = await run(t, ['doctor', '--json'], settings)
  t.same([code, JSON.parse(stdout)], [1, { isSound: false, isComplete: true, lines: JSON.parse(stdout).lines }])
  t.match(JSON.parse(stdout).lines[0], 'catalog: new.txt is new.')
  const elsewhere = { ...settings, FIXDEPOT_DATA_DIR: path.join(t.testdirName, 'nowhere') }
  t.match(await run(t, ['doctor'], elsewhere), { code: 2, stdout: '', stderr: /^There is no database at .*nowhere/ })
  t.match(await run(t, ['doctor'], { ...settings, FIXDEPOT_PORT: 'x' }), { code: 2, stderr: /FIXDEPOT_PORT/ })
})

t.test('doctor --rebuild reads everything again, and is refused while a server uses the data directory', async (t) => {
  const settings = await settingsOf(t)
  const server = acquireInstanceLock(lockFileIn(settings.FIXDEPOT_DATA_DIR ?? ''))
  t.match(await run(t, ['doctor', '--rebuild'], settings), {
    code: 2,
    stderr: /^Another fixdepot uses .* Stop it,/
  })
  server.release()
  const { code, stdout } = await run(t, ['doctor', '--rebuild'], settings)
  t.equal(code, 0)
  t.match(stdout, /4 files with \d+ bytes were read\. Packages in the catalog: 1\.\n$/)
})

t.test('audit verifies the trail and exports it', async (t) => {
  const settings = await settingsOf(t)
  t.same(await run(t, ['audit', 'verify'], settings), {
    code: 0,
    stdout: 'Records, all of them sound: 0.\n',
    stderr: ''
  })
  const unknown = await run(t, ['audit', 'verify', '--expect', '0'.repeat(64), '--json'], settings)
  t.match([unknown.code, JSON.parse(unknown.stdout)], [1, { isSound: false, lines: [/^audit: The trail/] }])
  t.same(await run(t, ['audit', 'export', '--since', '2026-01-05'], settings), { code: 0, stdout: '', stderr: '' })
  t.match(await run(t, ['audit', 'export', '--until', 'x'], settings), {
    code: 1,
    stdout: '',
    stderr: /^--until must be/
  })
})

t.test('a bundle for support is written once, and without the password', async (t) => {
  const settings = { ...(await settingsOf(t)), FIXDEPOT_ADMIN_PASSWORD: 'canary7f3a' }
  const file = path.join(t.testdirName, 'bundle.tar')
  t.match(await run(t, ['support-bundle', file], settings), { code: 0, stdout: /without secrets/, stderr: '' })
  t.notMatch(fs.readFileSync(file, 'utf8'), 'canary7f3a')
  t.match(await run(t, ['support-bundle', file], settings), { code: 1, stdout: '', stderr: /EEXIST/ })
})
