import type { ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import Database from 'better-sqlite3'
import { Client } from 'pg'
import t, { type Test } from 'tap'
import { openForReading } from '../../src/store/database.ts'
import { acquireInstanceLock, lockFileIn } from '../../src/store/instance-lock.ts'
import { type Outcome, runProgram } from '../cli/run-program.ts'
import { packageFiles } from '../helpers/packages.ts'
import { createDatabase, createEmptyDatabase, POSTGRES_PASSWORD, whyNoPostgres } from '../helpers/postgres.ts'
import { makeBucket, withoutS3 } from '../helpers/s3-server.ts'
import { makePlace, type ServerOptions, spawnServer, startServer, type TestServer, until } from '../helpers/server.ts'

const MIB = 2 ** 20
const JSON_TYPE = { 'content-type': 'application/json' }

const skip = whyNoPostgres() ?? false

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** Packages of which one shrinks, and one takes a while to pack. */
function makeDepotPlace(t: Test, largeMib: number): ServerOptions {
  return makePlace(t, {
    ...packageFiles({ fixid: 'small', payload: 'small' }),
    ...packageFiles({ fixid: 'shrinks', payload: Buffer.from('again and '.repeat(20_000)) }),
    ...packageFiles({ fixid: 'large', payload: randomBytes(largeMib * MIB) })
  })
}

interface Remembered {
  /** The SHA-256 of the archives of finished exports, by task. */
  readonly archives: Readonly<Record<number, string>>
  /** Tasks that have not ended. */
  readonly live: readonly number[]
  readonly cookie: string
  readonly token: string
}

async function archiveOf(server: TestServer, taskid: number): Promise<string> {
  const { state, current } = await server.finished(taskid)
  if (state !== 'complete') throw new Error(`Task ${taskid} ended as ${state}`)
  const response = await server.call(`/updateRepositories/firmware?key=export&exportRepoFilename=${current}`)
  return sha256(Buffer.from(await response.arrayBuffer()))
}

/** A depot with users, a session, a token and finished exports, that was killed while it packed another one, and a further one waited. */
async function makeHistory(t: Test, place: ServerOptions): Promise<Remembered> {
  const server = await startServer(t, place)
  const post = (to: string, body: object) =>
    server.call(to, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body) })
  const password = 'a password of ann'
  await post('/api/v1/users', { name: 'ann', role: 'exporter', password })
  const { token } = (await (await post('/api/v1/tokens', { name: 'mirror', role: 'viewer' })).json()) as {
    token: string
  }
  const login = await post('/sessions', { UserId: 'ann', password })
  const cookie = login.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ')
  const forgotten = await server.export({ fixids: ['small'] })
  const archives: Record<number, string> = {}
  for (const fixids of [['small', 'shrinks'], ['large']]) {
    const taskid = await server.export({ fixids })
    archives[taskid] = await archiveOf(server, taskid)
  }
  await server.finished(forgotten)
  await server.call(`/tasks/${forgotten}`, { method: 'DELETE' })
  const running = await server.export({ fixids: ['large', 'shrinks'] })
  const waiting = await server.export({ fixids: ['shrinks'] })
  await until('the export runs', async () => (await server.status(running)).downloadedsize > 0)
  await server.stop('SIGKILL')
  return { archives, live: [running, waiting], cookie, token }
}

/** What a server has to know that runs where the depot has been moved to. @returns the archives of all tasks */
async function checkHistory(t: Test, server: TestServer, { archives, live, cookie, token }: Remembered) {
  const all: Record<number, string> = {}
  for (const [taskid, digest] of Object.entries(archives)) {
    all[Number(taskid)] = await archiveOf(server, Number(taskid))
    t.equal(all[Number(taskid)], digest, `task ${taskid} has its archive`)
  }
  for (const taskid of live) all[taskid] = await archiveOf(server, taskid)
  t.match(await server.json('/api/v1/users'), { users: [{ name: 'admin' }, { name: 'ann', role: 'exporter' }] })
  const me = async (headers: Record<string, string>) => (await fetch(`${server.url}/api/v1/me`, { headers })).json()
  t.match(await me({ cookie }), { name: 'ann' }, 'a session goes on')
  t.match(await me({ authorization: `Bearer ${token}` }), { name: 'admin' }, 'a token counts')
  const trail = JSON.stringify(await server.json('/api/v1/audit'))
  t.match(trail, /name:ann/)
  const next = await server.export({ fixids: ['small'] })
  t.ok(next > Math.max(...Object.keys(all).map(Number)), 'no id is given again')
  await server.finished(next)
  return all
}

interface MoveOptions {
  readonly from: ServerOptions
  /** The file's lines. */
  readonly to: Readonly<Record<string, string>>
  readonly args?: readonly string[]
  /** Kills it when this many lines of it have come. */
  readonly killAfter?: number
  readonly onStart?: (child: ChildProcess) => Promise<void>
}

function environmentOf({ dataDirectory, repositoryDirectory, databaseUrl, settings }: ServerOptions) {
  const environment = {
    FIXDEPOT_DATA_DIR: dataDirectory,
    FIXDEPOT_REPOSITORY_DIR: repositoryDirectory,
    FIXDEPOT_DATABASE_URL: databaseUrl,
    ...settings
  }
  const given = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return Object.fromEntries(given)
}

async function migrate(
  t: Test,
  { from, to, args = [], killAfter = 0, onStart = async () => {} }: MoveOptions
): Promise<Outcome> {
  const cwd = path.dirname(from.dataDirectory)
  const lines = Object.entries(to).map(([name, value]) => `${name}=${value}\n`)
  fs.writeFileSync(path.join(cwd, 'target.env'), lines.join(''))
  const keys = Object.fromEntries(Object.entries(to).filter(([name]) => name.startsWith('AWS_')))
  const outcome = await runProgram(['migrate-store', '--to', 'target.env', ...args], {
    cwd,
    environment: { ...environmentOf(from), ...keys },
    onStart(child) {
      let count = 0
      onStart(child).catch(t.threw)
      if (killAfter > 0)
        child.stdout.on('data', (text: Buffer) => {
          count += text.toString().split('\n').length - 1
          if (count >= killAfter) child.kill('SIGKILL')
        })
    }
  })
  t.notMatch(outcome.stdout + outcome.stderr, POSTGRES_PASSWORD)
  return outcome
}

async function auditOf(from: ServerOptions): Promise<Outcome> {
  return runProgram(['audit', 'verify'], { cwd: path.dirname(from.dataDirectory), environment: environmentOf(from) })
}

/** Names, sizes and contents of all files, but for those that SQLite makes anew beside a database that was killed. */
function contentsBelow(directory: string): Record<string, string> {
  const files = fs.readdirSync(directory, { recursive: true, encoding: 'utf8' })
  const kept = files.filter((name) => !name.endsWith('-shm') && fs.statSync(path.join(directory, name)).isFile())
  return Object.fromEntries(kept.sort().map((name) => [name, sha256(fs.readFileSync(path.join(directory, name)))]))
}

t.test(
  'a depot is moved to PostgreSQL and S3 and back, interrupted again and again',
  { skip: skip || withoutS3 },
  async (t) => {
    const embedded = makeDepotPlace(t, 40)
    const history = await makeHistory(t, embedded)
    const bucket = await makeBucket(t)
    const databaseUrl = await createEmptyDatabase(t)
    const before = contentsBelow(embedded.dataDirectory)

    const to = { FIXDEPOT_DATABASE_URL: databaseUrl, ...bucket.settings }
    for (const killAfter of [1, 8, 27, 28]) t.equal((await migrate(t, { from: embedded, to, killAfter })).code, null)
    const tooEarly = spawnServer(t, { ...embedded, databaseUrl, settings: bucket.settings })
    t.match(await tooEarly.ended, { code: 1 })
    t.match(
      tooEarly.stderr(),
      /^A depot is being moved into the database of FIXDEPOT_DATABASE_URL, and not all of it is there\. Go on/
    )
    const { code, stdout, stderr } = await migrate(t, { from: embedded, to })
    t.equal(code, 0, stderr)
    t.match(stdout, /^A move that was interrupted goes on\.$/m)
    t.match(
      stdout,
      /^27 tables with \d+ rows are the same on both sides\.\n\d archives of \d+ bytes are there, and were read back\.$/m
    )
    t.match(
      stdout,
      /^From now on start the server with FIXDEPOT_DATABASE_URL, FIXDEPOT_ARCHIVES_URL, FIXDEPOT_S3_ENDPOINT as in target\.env; never/m
    )
    t.same(contentsBelow(embedded.dataDirectory), before, 'nothing has changed where it was')

    const cluster: ServerOptions = { ...embedded, databaseUrl, settings: bucket.settings }
    t.match(await auditOf(cluster), { code: 0 })
    const server = await startServer(t, cluster)
    const archives = await checkHistory(t, server, history)
    await server.stop()
    const calm = await startServer(t, { ...embedded, dataDirectory: path.join(t.testdirName, 'calm') })
    const [running] = history.live
    t.equal(
      await archiveOf(calm, await calm.export({ fixids: ['large', 'shrinks'] })),
      archives[running ?? 0],
      'to the byte'
    )
    await calm.stop()

    const dataDirectory = path.join(t.testdirName, 'back')
    const home = { FIXDEPOT_DATA_DIR: dataDirectory }
    for (const killAfter of [3, 29]) t.equal((await migrate(t, { from: cluster, to: home, killAfter })).code, null)
    const back = await migrate(t, { from: cluster, to: home, args: ['--json'] })
    t.equal(back.code, 0, back.stderr)
    t.match(JSON.parse(back.stdout), {
      tables: { count: 27 },
      archives: { leftOut: [] },
      settings: {
        asInFile: ['FIXDEPOT_DATA_DIR'],
        unset: ['FIXDEPOT_DATABASE_URL', 'FIXDEPOT_ARCHIVES_URL', 'FIXDEPOT_S3_ENDPOINT']
      }
    })
    const home2: ServerOptions = { ...embedded, dataDirectory }
    t.match(await auditOf(home2), { code: 0 })
    const doctor = await runProgram(['doctor'], { cwd: t.testdirName, environment: environmentOf(home2) })
    t.equal(doctor.code, 0, doctor.stdout)
    const last = await startServer(t, home2)
    await checkHistory(t, last, { ...history, archives, live: [] })
    await last.stop()
  }
)

t.test('an archive whose transfer was cut goes on where it was', { skip: skip || withoutS3 }, async (t) => {
  const embedded = makeDepotPlace(t, 96)
  const server = await startServer(t, embedded)
  const digest = await archiveOf(server, await server.export({ fixids: ['large'] }))
  await server.stop()
  const bucket = await makeBucket(t)
  const databaseUrl = await createEmptyDatabase(t)
  const to = { FIXDEPOT_DATABASE_URL: databaseUrl, ...bucket.settings }
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  t.teardown(() => client.end())
  const bytesThere = async () => {
    const { rows } = await client
      .query("select value from store_move where name like 'archive %' and value != 'moved'")
      .catch(() => ({ rows: [] }))
    return Number(rows[0]?.value ?? 0)
  }
  const { code } = await migrate(t, {
    from: embedded,
    to,
    async onStart(child) {
      await until('parts are there', async () => (await bytesThere()) >= 8 * MIB)
      child.kill('SIGKILL')
    }
  })
  const uploaded = await bytesThere()
  t.equal(code, null)
  t.ok(uploaded < 96 * MIB, `${uploaded} bytes were there`)
  t.match(await migrate(t, { from: embedded, to }), { code: 0 })
  const cluster = await startServer(t, { ...embedded, databaseUrl, settings: bucket.settings })
  t.equal(await archiveOf(cluster, await cluster.export({ fixids: ['large'] })), digest)
})

t.test('what is moved, and where to, must be as a move needs it', { skip }, async (t) => {
  const embedded = makeDepotPlace(t, 1)
  const server = await startServer(t, embedded)
  const taskid = await server.export()
  await archiveOf(server, taskid)
  const databaseUrl = await createEmptyDatabase(t)
  const refused = async (to: Readonly<Record<string, string>>, sentence: RegExp, from = embedded) => {
    const { code, stderr } = await migrate(t, { from, to })
    t.equal(code, 1)
    t.match(stderr, sentence)
  }
  const toPostgres = { FIXDEPOT_DATABASE_URL: databaseUrl }
  await refused(toPostgres, /^Another fixdepot works in /)
  await server.stop()

  await refused({}, /^Database and archives are already where target\.env says: there is nothing to move\.$/m)
  await refused({ FIXDEPOT_DATABASE_URL: 'mysql://x/y' }, /^In target\.env: The setting FIXDEPOT_DATABASE_URL must be /)
  await refused(
    { FIXDEPOT_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/x' },
    /^With target\.env: The PostgreSQL database .* cannot be reached/
  )
  await refused(
    { FIXDEPOT_ARCHIVES_URL: 'file:///not/there' },
    /^With target\.env: FIXDEPOT_ARCHIVES_URL cannot be used/
  )
  const missing = { ...embedded, dataDirectory: path.join(t.testdirName, 'repository') }
  await refused(toPostgres, /^There is no database at /, { ...missing, repositoryDirectory: embedded.dataDirectory })

  const directory = path.join(t.testdirName, 'other')
  fs.mkdirSync(directory)
  const other = acquireInstanceLock(lockFileIn(directory))
  await refused({ FIXDEPOT_DATA_DIR: directory }, /^With target\.env: Another fixdepot works in .*other\./)
  other.release()
  const file = path.join(embedded.dataDirectory, 'fixdepot.db')
  const change = (statement: string) => {
    const database = new Database(file)
    database.exec(statement)
    database.close()
  }
  change("update kysely_migration set name = 'x' || name where name like '0009%'")
  await refused(toPostgres, /^The database has the schema /)
  change("delete from kysely_migration where name like 'x%'")
  await refused(
    toPostgres,
    /^The database has the schema 0008-users, older than 0009-audit\. Start the server, or run npm run migrate\.$/m
  )
  change("insert into kysely_migration values ('0009-audit', '2026')")
  change('drop trigger audit_stays_as_it_is')
  change("update audit set action = 'nothing' where number = 1")
  await refused(toPostgres, /^The audit trail is not what was written, and cannot be moved\. The record 1 was changed/)
})

t.test('a place that something else is in is refused, and stays as it is', { skip }, async (t) => {
  const embedded = makeDepotPlace(t, 1)
  const server = await startServer(t, embedded)
  const taskid = await server.export()
  const { current } = await server.finished(taskid)
  await server.stop()
  const shared = path.join(t.testdirName, 'shared')
  fs.mkdirSync(shared)
  const toShared = { FIXDEPOT_ARCHIVES_URL: `file://${shared}` }

  const used = await createDatabase(t)
  const stranger = await startServer(t, {
    ...embedded,
    dataDirectory: path.join(t.testdirName, 'data2'),
    databaseUrl: used
  })
  await stranger.stop()
  t.match(await migrate(t, { from: embedded, to: { FIXDEPOT_DATABASE_URL: used } }), {
    code: 1,
    stderr:
      /^The database that target\.env names has another depot in it\. Name an empty one\. Nothing was changed there\.$/m
  })

  const foreign = 'repository19990101000000.zip'
  fs.writeFileSync(path.join(shared, foreign), 'x')
  t.match(await migrate(t, { from: embedded, to: toShared }), {
    code: 1,
    stderr: /^repository19990101000000\.zip, an archive of another depot, is there already\./
  })
  fs.rmSync(path.join(shared, foreign))
  fs.writeFileSync(path.join(shared, current), 'other content')
  t.match(await migrate(t, { from: embedded, to: toShared }), {
    code: 1,
    stderr: /with other content is there already\./
  })
  t.equal(fs.readFileSync(path.join(shared, current), 'utf8'), 'other content')
  fs.rmSync(path.join(shared, current))
  fs.writeFileSync(path.join(shared, 'notes.txt'), 'of the operator')

  t.match(await migrate(t, { from: embedded, to: toShared }), {
    code: 0,
    stdout: /^1 archives of \d+ bytes are there, and were read back\.\nFrom now on start the server/m
  })
  t.match(await migrate(t, { from: embedded, to: toShared }), { code: 0 }, 'once more it does nothing')

  const databaseUrl = await createEmptyDatabase(t)
  t.match(await migrate(t, { from: embedded, to: { FIXDEPOT_DATABASE_URL: databaseUrl } }), { code: 0 })
  t.match(await migrate(t, { from: embedded, to: { FIXDEPOT_DATABASE_URL: databaseUrl } }), {
    code: 1,
    stderr: /^The database that target\.env names has this very depot in it, whole/
  })
})

t.test('archives that are not as the database knows them are left out, and told of', async (t) => {
  const embedded = makeDepotPlace(t, 1)
  const server = await startServer(t, embedded)
  const names: string[] = []
  for (const fixid of ['small', 'shrinks', 'large', 'whole'].slice(0, 3)) {
    names.push((await server.finished(await server.export({ fixids: [fixid] }))).current)
  }
  names.push((await server.finished(await server.export())).current)
  await server.stop()
  const [missing = '', cut = '', damaged = '', whole = ''] = names
  const archive = (name: string) => path.join(embedded.dataDirectory, 'archives', name)
  fs.rmSync(archive(missing))
  fs.truncateSync(archive(cut), 10)
  const fd = fs.openSync(archive(damaged), 'r+')
  fs.writeSync(fd, 'damage', 500_000)
  fs.closeSync(fd)
  const dataDirectory = path.join(t.testdirName, 'elsewhere')
  const { code, stdout, stderr } = await migrate(t, { from: embedded, to: { FIXDEPOT_DATA_DIR: dataDirectory } })
  t.equal(code, 0, stderr)
  t.match(stdout, `Left out: The archive ${missing} is not there.\n`)
  t.match(stdout, new RegExp(`Left out: The archive ${cut} has 10 bytes, and should have \\d+\\.\n`))
  t.match(stdout, `Left out: The archive ${damaged} is damaged: large.uxz has other bytes than it should.\n1 archives`)
  t.same(fs.readdirSync(path.join(dataDirectory, 'archives')), [whole])
  const db = openForReading(path.join(dataDirectory, 'fixdepot.db'))
  t.teardown(() => db.destroy())
  t.same(await db.selectFrom('deflation').selectAll().where('deflated_size', 'is not', null).execute(), [])
  const next = await startServer(t, { ...embedded, dataDirectory })
  const gone = await next.call(`/updateRepositories/firmware?key=export&exportRepoFilename=${missing}`)
  t.equal(gone.status, 410)
})
