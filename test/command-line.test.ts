import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { acquireInstanceLock, lockFileIn } from '../src/store/instance-lock.ts'
import { makeDepot } from './helpers/depot.ts'
import { packageFiles } from './helpers/packages.ts'

const MAIN = path.join(import.meta.dirname, '../src/main.ts')
const PACKAGE = path.join(import.meta.dirname, '../package.json')

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

/** Settings for a depot that has read its repository. */
async function settingsOf(t: Test): Promise<Record<string, string>> {
  const depot = await makeDepot(t, packageFiles({ fixid: 'a', payload: 'x' }))
  await depot.scan()
  return { FIXDEPOT_DATA_DIR: depot.root, FIXDEPOT_REPOSITORY_DIR: depot.repositoryDirectory }
}

t.test('help and version are told when they are asked for', async (t) => {
  t.testdir()
  const [help, flag, version] = await Promise.all([run(t, ['help']), run(t, ['doctor', '-h']), run(t, ['--version'])])
  t.match(help, { code: 0, stderr: '' })
  t.match(help.stdout, /^Usage: fixdepot .*backup FILE.*doctor --rebuild/s)
  t.same(flag, help)
  t.same(version, { code: 0, stdout: `${JSON.parse(fs.readFileSync(PACKAGE, 'utf8')).version}\n`, stderr: '' })
})

t.test('what is no command is answered with the usage, and nothing is done', async (t) => {
  const root = t.testdir()
  const cases = [['frobnicate'], ['backup'], ['support-bundle'], ['doctor', '--log', 'x'], ['backup', '--rebuild', 'a']]
  const more = [['doctor', 'x'], ['--rebuild'], ['--port', '1']]
  await Promise.all(
    [...cases, ...more].map(async (args) => {
      const outcome = await run(t, args)
      t.match(outcome, { code: 2, stdout: '', stderr: /^Usage: fixdepot / }, args.join(' '))
    })
  )
  t.same(fs.readdirSync(root), [])
})

t.test('backup copies the database, and says where to', async (t) => {
  const settings = await settingsOf(t)
  const file = path.join(t.testdirName, 'copy.db')
  t.same(await run(t, ['backup', file], settings), {
    code: 0,
    stdout: `The database is copied into ${file}.\n`,
    stderr: ''
  })
  t.ok(fs.statSync(file).size > 0)
  t.match(await run(t, ['backup', file], settings), { code: 1, stdout: '', stderr: /is there already/ })
})

t.test('a bundle for support is written once, and without the password', async (t) => {
  const settings = { ...(await settingsOf(t)), FIXDEPOT_ADMIN_PASSWORD: 'canary7f3a' }
  const file = path.join(t.testdirName, 'bundle.tar')
  t.match(await run(t, ['support-bundle', file], settings), { code: 0, stdout: /without secrets/, stderr: '' })
  t.notMatch(fs.readFileSync(file, 'utf8'), 'canary7f3a')
  t.match(await run(t, ['support-bundle', file], settings), { code: 1, stdout: '', stderr: /EEXIST/ })
})

t.test('doctor exits with what it has come to', async (t) => {
  const settings = await settingsOf(t)
  t.same(await run(t, ['doctor'], settings), { code: 0, stdout: 'Everything is sound.\n', stderr: '' })
  fs.writeFileSync(path.join(t.testdirName, 'repository', 'new.txt'), 'x')
  t.match(await run(t, ['doctor'], settings), {
    code: 1,
    stdout: /^catalog: new\.txt is new\.\n1 finding: /,
    stderr: ''
  })
  const elsewhere = { ...settings, FIXDEPOT_DATA_DIR: path.join(t.testdirName, 'nowhere') }
  t.match(await run(t, ['doctor'], elsewhere), { code: 2, stdout: '', stderr: /^There is no database at .*nowhere/ })
  t.match(await run(t, ['doctor'], { ...settings, FIXDEPOT_PORT: 'x' }), { code: 2, stderr: /FIXDEPOT_PORT/ })
})

t.test('doctor --rebuild reads everything again, unless a server has the data directory', async (t) => {
  const settings = await settingsOf(t)
  const server = acquireInstanceLock(lockFileIn(settings.FIXDEPOT_DATA_DIR ?? ''))
  t.match(await run(t, ['doctor', '--rebuild'], settings), {
    code: 2,
    stderr: /^Another fixdepot works in .* Stop it first/
  })
  server.release()
  const { code, stdout } = await run(t, ['doctor', '--rebuild'], settings)
  t.equal(code, 0)
  t.match(stdout, /4 files of \d+ bytes were read\. Packages in the catalog: 1\.\n$/)
})
