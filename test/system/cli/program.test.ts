/** The program against a real server over TLS. All cases share one server, because starting one is slow. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { MAIN, type Outcome, type RunOptions, runProgram } from '../../support/cli/run-program.ts'
import { type Fate, startProxy } from '../../support/cli/unreliable-proxy.ts'
import { NIC, PACK, smallRepository, UEFI, XCC } from '../../support/packages.ts'
import { ADMIN_PASSWORD, makeDirectories, spawnServer, until } from '../../support/servers/server.ts'

/** Large enough for a cut in the middle of the archive, after all other answers. */
const PAYLOAD = Buffer.alloc(6_000_000, 'no two blocks of firmware are equal, but these')
const STOP_AFTER = 3_000_000

const directories = makeDirectories(t, { ...smallRepository(), [`${XCC}.uxz`]: PAYLOAD })
const server = spawnServer(t, { ...directories, settings: { FIXDEPOT_TLS: undefined } })
const root = path.dirname(directories.dataDirectory)
const url = await server.listening
const caFile = path.join(directories.dataDirectory, 'tls/certificate.pem')
const login = {
  FIXDEPOT_URL: url,
  FIXDEPOT_CA_FILE: caFile,
  FIXDEPOT_USER: 'admin',
  FIXDEPOT_PASSWORD: ADMIN_PASSWORD
}

let runs = 0

/** Runs the program as the administrator, by default in a new empty directory. */
function run(args: readonly string[], options: Partial<RunOptions> = {}): Promise<Outcome & { cwd: string }> {
  runs += 1
  const cwd = options.cwd ?? path.join(root, `run${runs}`)
  fs.mkdirSync(cwd, { recursive: true })
  return runProgram(args, { environment: login, ...options, cwd }).then((outcome) => ({ ...outcome, cwd }))
}

function through(port: number): Record<string, string> {
  return { ...login, FIXDEPOT_URL: `https://127.0.0.1:${port}` }
}

const portOfServer = Number(new URL(url).port)

t.test('scan reads the repository, and status shows the state of the server', async (t) => {
  t.match(await run(['scan']), { code: 0, stdout: 'The repository was read.\n' })
  const [table, json] = await Promise.all([run(['status']), run(['status', '--json'])])
  t.match(table, {
    code: 0,
    stdout: /^Server +https:.*\nVersion .*\nState +ready\nRepository +\d.*\nLast read +20/,
    stderr: ''
  })
  t.notOk(table.stdout.includes('\u001b'), 'no colour without a terminal')
  t.match(JSON.parse(json.stdout), { isReady: true, url, checks: [{ name: 'database', isHealthy: true }, {}, {}] })
})

t.test('created users and tokens log in until they are removed', async (t) => {
  const { FIXDEPOT_USER: _user, FIXDEPOT_PASSWORD: _password, ...anonymous } = login
  const asAnn = (password: string) => ({
    environment: { ...anonymous, FIXDEPOT_USER: 'ann', FIXDEPOT_PASSWORD: password }
  })
  const add = ['user', 'add', 'ann', '--role', 'viewer', '--new-password-stdin']
  t.match(await run(add, { stdin: 'the first secret\n' }), { code: 0 })
  t.match(await run(add, { stdin: 'the first secret\n' }), { code: 1, stderr: /ann/ })
  t.match(await run(['scan'], asAnn('the first secret')), { code: 3, stderr: /role viewer/ })
  t.match(await run(['user', 'role', 'ann', '--role', 'operator']), { code: 0 })
  t.match(await run(['scan'], asAnn('the first secret')), { code: 0 })
  t.match(await run(['user', 'passwd', 'ann', '--new-password-stdin'], { stdin: 'the second secret\n' }), { code: 0 })
  t.match(await run(['list'], asAnn('the first secret')), { code: 3 })
  const { stdout: token } = await run(['token', 'add', 'mirror', '--role', 'viewer'], asAnn('the second secret'))
  const withToken = { environment: { ...anonymous, FIXDEPOT_TOKEN: token.trim() } }
  t.match(await run(['list'], withToken), { code: 0, stdout: /XCC|xcc/ })
  const [{ id, user }] = JSON.parse((await run(['token', 'list', '--json'])).stdout) as [{ id: string; user: string }]
  t.equal(user, 'ann')
  t.match(await run(['token', 'revoke', id]), { code: 0 })
  t.match(await run(['list'], withToken), { code: 3 })
  t.match(await run(['user', 'remove', 'ann']), { code: 0 })
  t.match(await run(['list'], asAnn('the second secret')), { code: 3 })
  t.match(JSON.parse((await run(['user', 'list', '--json'])).stdout), [{ name: 'admin' }])
})

t.test('list shows packages as a table or as JSON, through all filters', async (t) => {
  const fixids = async (...args: string[]) => {
    const { stdout } = await run(['list', '--json', ...args])
    return (JSON.parse(stdout) as { fixid: string }[]).map(({ fixid }) => fixid)
  }
  const [table, all, latest, kind, machine, search, absent, none, problems] = await Promise.all([
    run(['list']),
    fixids(),
    fixids('--latest', '--kind', 'update'),
    fixids('--kind', 'system-pack'),
    fixids('--machine-type', '7x01'),
    fixids('--search', 'UEFI'),
    fixids('--no-downloaded'),
    fixids('--search', 'nothing like it'),
    run(['list', '--problems'])
  ])
  t.match(table, { code: 0, stderr: '5 packages\n' })
  const lines = table.stdout.trimEnd().split('\n')
  t.match(lines[0], /^FIXID +VERSION +CATEGORY +RELEASED +PAYLOAD +SIZE$/)
  t.equal(lines.length, 6)
  t.equal(new Set(lines.map((line) => line.search(/(present|missing|none|PAYLOAD) /))).size, 1, 'columns are aligned')
  t.equal(all.length, 5)
  t.equal(latest.length, 3)
  t.same(kind, [PACK])
  t.same(machine.sort(), [NIC, XCC].sort())
  t.equal(search.length, 2)
  t.same(absent, [NIC])
  t.same(none, [])
  t.match(problems, { code: 0 })
})

t.test('show prints one package, and its texts', async (t) => {
  const [table, json, readme] = await Promise.all([
    run(['show', UEFI]),
    run(['show', UEFI, '--json']),
    run(['show', UEFI, '--readme'])
  ])
  t.match(table, {
    code: 0,
    stdout: new RegExp(`^Fixid +${UEFI}\n.*Requires +${XCC}\n.*FILE +ROLE +SIZE +SHA-256\n`, 's')
  })
  t.match(JSON.parse(json.stdout), { fixid: UEFI, requisites: [{ fixid: XCC }] })
  t.same([readme.code, readme.stdout], [0, `Readme of ${UEFI}\n`])
})

t.test('export packs, downloads, checks, and keeps the manifest that verify uses', async (t) => {
  const { code, stdout, stderr, cwd } = await run(['export', PACK, '--manifest', '--output', 'a.zip'])
  t.equal(code, 0)
  t.match(stdout, /^a\.zip {2}6\.\d MB, \d+ files, every byte checked\nSHA-256 {2}[0-9a-f]{64}\n$/)
  t.match(stderr, /^Packing .*\nMembers of the selected system packs .*\nDownloading .*\nChecking .*\n$/)
  t.same(fs.readdirSync(cwd).sort(), ['a.zip', 'a.zip.manifest.json'])
  const [again, sound, json] = await Promise.all([
    run(['export', PACK, '--output', 'a.zip'], { cwd }),
    run(['verify', 'a.zip'], { cwd }),
    run(['verify', 'a.zip', '--json'], { cwd })
  ])
  t.match(again, {
    code: 1,
    stdout: '',
    stderr: 'fixdepot: a.zip already exists. Choose another --output, or give --force.\n'
  })
  t.match(sound, { code: 0, stdout: /sound, \d+ files, 6\.\d MB, checked against a\.zip\.manifest\.json/ })
  t.match(JSON.parse(json.stdout), { isSound: true, findingCount: 0 })

  const archive = fs.readFileSync(path.join(cwd, 'a.zip'))
  archive[4_000_000] = (archive[4_000_000] ?? 0) ^ 1
  fs.writeFileSync(path.join(cwd, 'a.zip'), archive)
  t.match(await run(['verify', 'a.zip'], { cwd }), { code: 1, stdout: /The CRC-32 of .* differs.*a\.zip: NOT SOUND/s })
  t.match(await run(['export', PACK, '--output', 'a.zip', '--force', '--json'], { cwd }), { code: 0, stderr: '' })
  t.match(await run(['verify', 'a.zip'], { cwd }), { code: 0 })
})

t.test('export selects by filter, by id, with requisites and payloads only; a dry run starts nothing', async (t) => {
  const packed = async (...args: string[]) => JSON.parse((await run(['export', '--json', ...args])).stdout)
  const before = JSON.parse((await run(['status', '--json'])).stdout).exports.length
  const [plain, required, payloads, table] = await Promise.all([
    packed('--dry-run', UEFI),
    packed('--dry-run', UEFI, '--with-requisites'),
    packed('--dry-run', '--machine-type', '7X05', '7X01', '--latest', '--payloads'),
    run(['export', '--all', '--dry-run'])
  ])
  t.match([plain.packages, required.packages, payloads.packages], [1, 2, 2])
  t.match(table, { code: 0, stdout: /^Packages +5\nFiles .*\nArchive .*\nFree space .*\nNo payload +1: / })
  t.equal(JSON.parse((await run(['status', '--json'])).stdout).exports.length, before)
  const first = await packed(UEFI)
  t.match(first, { file: /^repository\d+\.zip$/, isVerified: true, resumedFrom: 0 })
  const same = await packed('--id', String(first.exportId), '--no-verify')
  t.match(same, { exportId: first.exportId, sha256: first.sha256, isVerified: false })
})

t.test('a cut download is resumed, also when the server refuses connections for a moment', async (t) => {
  const fates: Fate[] = [{ kind: 'cut', bytes: STOP_AFTER }, { kind: 'refused' }, { kind: 'refused' }]
  const proxy = await startProxy(t, portOfServer, (connection) => fates[connection] ?? { kind: 'whole' })
  const { code, stdout, stderr } = await run(['export', XCC, '--json'], { environment: through(proxy.port) })
  t.same([code, stderr], [0, ''])
  t.match(JSON.parse(stdout), { isVerified: true, resumedFrom: 0 })
  t.equal(proxy.connections(), 4)
})

t.test('Ctrl-C leaves a part that the same command resumes', async (t) => {
  const proxy = await startProxy(t, portOfServer, () => ({ kind: 'stopped', bytes: STOP_AFTER }))
  const cwd = path.join(root, 'interrupted')
  const part = path.join(cwd, 'a.zip.part')
  const size = () => fs.statSync(part, { throwIfNoEntry: false })?.size ?? 0
  const args = ['export', XCC, '--output', 'a.zip']
  const cut = await run(args, {
    cwd,
    environment: through(proxy.port),
    onStart: (child) => void until('a part is downloaded', () => size() > 1_000_000).then(() => child.kill('SIGINT'))
  })
  t.match(cut, {
    code: 130,
    stdout: '',
    stderr: /\nfixdepot: Interrupted\. The bytes so far are in a\.zip\.part; the same command resumes the download\.\n$/
  })
  t.same(fs.readdirSync(cwd).sort(), ['a.zip.part', 'a.zip.part.json'])
  const there = size()
  const done = await run([...args, '--json'], { cwd })
  t.match(JSON.parse(done.stdout), { resumedFrom: there, isVerified: true })
  t.same(fs.readdirSync(cwd), ['a.zip'])

  fs.renameSync(path.join(cwd, 'a.zip'), part)
  fs.writeFileSync(`${part}.json`, '{"etag":"\\"another one\\""}')
  t.match(JSON.parse((await run([...args, '--json'], { cwd })).stdout), { resumedFrom: 0 })
})

t.test('a damaged part is detected and removed', async (t) => {
  const cwd = path.join(root, 'damaged')
  const begun = await run(['export', XCC, '--output', 'a.zip', '--json'], { cwd })
  const { digest } = JSON.parse(begun.stdout)
  const bytes = fs.readFileSync(path.join(cwd, 'a.zip')).subarray(0, STOP_AFTER)
  bytes[STOP_AFTER - 1] = (bytes[STOP_AFTER - 1] ?? 0) ^ 1
  fs.rmSync(path.join(cwd, 'a.zip'))
  fs.writeFileSync(path.join(cwd, 'a.zip.part'), bytes)
  fs.writeFileSync(path.join(cwd, 'a.zip.part.json'), JSON.stringify({ etag: `"${digest}"` }))
  const { code, stderr } = await run(['export', XCC, '--output', 'a.zip', '--json'], { cwd })
  t.match([code, JSON.parse(stderr)], [1, { code: 'ARCHIVE_DAMAGED', error: /was removed: The CRC-32 of .* differs/ }])
  t.same(fs.readdirSync(cwd), [])
})

t.test('import sends files, and prints what was imported or why not', async (t) => {
  const { cwd } = await run(['export', UEFI, '--output', 'a.zip'])
  fs.writeFileSync(path.join(cwd, `${XCC}.xml`), 'no xml')
  const [taken, refused, none] = await Promise.all([
    run(['import', 'a.zip', '--json'], { cwd }),
    run(['import', `${XCC}.xml`], { cwd }),
    run(['import', 'nowhere.zip'], { cwd })
  ])
  t.match([taken.code, JSON.parse(taken.stdout)], [0, { message: /were there already: 1/ }])
  t.match(refused, { code: 1, stdout: '', stderr: new RegExp(`fixdepot: .*${XCC}`) })
  t.match(none, { code: 1, stderr: 'fixdepot: nowhere.zip cannot be read: ENOENT.\n' })
})

t.test('each kind of failure has its exit code, and its reason as a sentence or as JSON', async (t) => {
  const { FIXDEPOT_CA_FILE: _, ...noCa } = login
  const { FIXDEPOT_USER: __, FIXDEPOT_PASSWORD: ___, ...anonymous } = login
  const cases: [args: string[], environment: Record<string, string>, code: number, stderr: RegExp][] = [
    [['export'], login, 2, /Nothing is selected/],
    [['export', UEFI, '--all'], login, 2, /in more than one way/],
    [['list', '--machine-type', 'x'], login, 2, /four characters/],
    [['list', '--url', 'ftp://x'], login, 2, /not the URL/],
    [['list', '--user', 'guest'], anonymous, 3, /Password of guest.*--password-stdin/],
    [['list'], { ...login, FIXDEPOT_PASSWORD: 'wrong' }, 3, /name or the password is wrong/],
    [['list'], anonymous, 3, /requires a login/],
    [['status'], anonymous, 3, /requires a login/],
    [['show', 'nothing'], login, 4, /no package "nothing"/],
    [['export', '--id', '9999'], login, 4, /no export/i],
    [['export', 'nothing'], login, 1, /nothing/],
    [['list'], noCa, 5, /not trusted.*--ca-file/],
    [['list'], { ...login, FIXDEPOT_URL: 'https://127.0.0.1:1' }, 5, /No server listens at/]
  ]
  await Promise.all(
    cases.map(async ([args, environment, code, stderr]) => {
      const outcome = await run(args, { environment })
      t.match(outcome, { code, stdout: '', stderr }, args.join(' '))
      if (code === 2) return
      const { exitCode, error } = JSON.parse((await run([...args, '--json'], { environment })).stderr)
      t.match([exitCode, error], [code, /\w/])
    })
  )
})

t.test(
  'the password comes from standard input, from a profile, or from the settings of the server beside it',
  async (t) => {
    const { FIXDEPOT_URL, FIXDEPOT_CA_FILE } = login
    const stdin = await run(['list', '--user', 'admin', '--password-stdin'], {
      environment: { FIXDEPOT_URL, FIXDEPOT_CA_FILE },
      stdin: `${ADMIN_PASSWORD}\n`
    })
    t.match(stdin, { code: 0, stderr: '5 packages\n' })
    const profile = path.join(root, 'profile.json')
    fs.writeFileSync(profile, JSON.stringify({ url, caFile: caFile, user: 'admin', password: ADMIN_PASSWORD }), {
      mode: 0o600
    })
    t.match(await run(['list', '--profile', profile], { environment: {} }), { code: 0 })
    const settings = {
      FIXDEPOT_DATA_DIR: directories.dataDirectory,
      FIXDEPOT_PORT: String(portOfServer),
      FIXDEPOT_ADMIN_PASSWORD: ADMIN_PASSWORD
    }
    t.match(await run(['list'], { environment: settings }), { code: 0, stderr: '5 packages\n' })
    t.match(await run(['list', '--insecure'], { environment: { ...login, FIXDEPOT_CA_FILE: '/nowhere' } }), { code: 0 })
  }
)

const hasScript = spawnSync('script', ['--version']).stdout?.includes('util-linux') === true

t.test('at a terminal the password is prompted for and not echoed', { skip: !hasScript }, async (t) => {
  const { FIXDEPOT_URL, FIXDEPOT_CA_FILE } = login
  const command = `'${process.execPath}' '${MAIN}' list --user admin --search nothing`
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: root, TERM: 'xterm', FIXDEPOT_URL, FIXDEPOT_CA_FILE }
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
    if (chunk.includes('Password of admin: ')) child.stdin.write(`${ADMIN_PASSWORD}x\u007f\r`)
  })
  const [code] = await once(child, 'close')
  t.same([code, output], [0, 'Password of admin: \r\n0 packages\r\n'])
})

t.test('output to a closed pipe causes no error', async (t) => {
  const { code, stderr } = await run(['list'], { onStart: (child) => void child.stdout.destroy() }).catch((error) => {
    // The error of the test's end of the pipe.
    t.equal(error.code, 'ERR_STREAM_PREMATURE_CLOSE')
    return { code: 0, stderr: '' }
  })
  t.same([code, stderr.replace(/^5 packages\n$/, '')], [0, ''])
})
