import fs from 'node:fs'
import path from 'node:path'
import { Client } from 'pg'
import t, { type Test } from 'tap'
import { archiveOf, environmentOf, MIB, makeSourceDepot, migrate, sha256 } from '../../support/admin/moved-depot.ts'
import { type Outcome, runProgram } from '../../support/cli/run-program.ts'
import { createEmptyDatabase, whyNoPostgres } from '../../support/servers/postgres.ts'
import { makeBucket, withoutS3 } from '../../support/servers/s3-server.ts'
import { type ServerOptions, spawnServer, startServer, type TestServer, until } from '../../support/servers/server.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

const skip = whyNoPostgres() ?? withoutS3

interface History {
  /** The SHA-256 of the archives of finished exports, by task. */
  readonly archives: Readonly<Record<number, string>>
  /** Tasks that have not ended. */
  readonly live: readonly number[]
  readonly cookie: string
  readonly token: string
}

/**
 * Makes users, a session, a token and finished exports, and kills the server while it packs another export and a
 * further one is queued.
 */
async function makeHistory(t: Test, options: ServerOptions): Promise<History> {
  const server = await startServer(t, options)
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
  for (const fixids of [['small', 'medium'], ['large']]) {
    const taskid = await server.export({ fixids })
    archives[taskid] = await archiveOf(server, taskid)
  }
  await server.finished(forgotten)
  await server.call(`/tasks/${forgotten}`, { method: 'DELETE' })
  const running = await server.export({ fixids: ['large', 'medium'] })
  const waiting = await server.export({ fixids: ['medium'] })
  await until('the export runs', async () => (await server.status(running)).downloadedsize > 0)
  await server.stop('SIGKILL')
  return { archives, live: [running, waiting], cookie, token }
}

/** Checks that the server of the moved depot has the whole history. @returns the SHA-256 of all archives, by task */
async function checkHistory(t: Test, server: TestServer, { archives, live, cookie, token }: History) {
  const all: Record<number, string> = {}
  for (const [taskid, digest] of Object.entries(archives)) {
    all[Number(taskid)] = await archiveOf(server, Number(taskid))
    t.equal(all[Number(taskid)], digest, `task ${taskid} has its archive`)
  }
  for (const taskid of live) all[taskid] = await archiveOf(server, taskid)
  t.match(await server.json('/api/v1/users'), { users: [{ name: 'admin' }, { name: 'ann', role: 'exporter' }] })
  const me = async (headers: Record<string, string>) => (await fetch(`${server.url}/api/v1/me`, { headers })).json()
  t.match(await me({ cookie }), { name: 'ann' }, 'the session is valid')
  t.match(await me({ authorization: `Bearer ${token}` }), { name: 'admin' }, 'the token is valid')
  const trail = JSON.stringify(await server.json('/api/v1/audit'))
  t.match(trail, /name:ann/)
  const next = await server.export({ fixids: ['small'] })
  t.ok(next > Math.max(...Object.keys(all).map(Number)), 'no id is used again')
  await server.finished(next)
  return all
}

async function auditOf(from: ServerOptions): Promise<Outcome> {
  return runProgram(['audit', 'verify'], { cwd: path.dirname(from.dataDirectory), environment: environmentOf(from) })
}

/** The digests of all files by name, except the `-shm` files, which SQLite creates again after a kill. */
function contentsBelow(directory: string): Record<string, string> {
  const files = fs.readdirSync(directory, { recursive: true, encoding: 'utf8' })
  const kept = files.filter((name) => !name.endsWith('-shm') && fs.statSync(path.join(directory, name)).isFile())
  return Object.fromEntries(kept.sort().map((name) => [name, sha256(fs.readFileSync(path.join(directory, name)))]))
}

t.test('a depot is moved to PostgreSQL and S3 and back, with several interruptions', { skip }, async (t) => {
  const embedded = makeSourceDepot(t, 24)
  const history = await makeHistory(t, embedded)
  const bucket = await makeBucket(t)
  const databaseUrl = await createEmptyDatabase(t)
  const before = contentsBelow(embedded.dataDirectory)

  const to = { FIXDEPOT_DATABASE_URL: databaseUrl, ...bucket.settings }
  for (const killAfter of [1, 8, 25, 26]) t.equal((await migrate(t, { from: embedded, to, killAfter })).code, null)
  const tooEarly = spawnServer(t, { ...embedded, databaseUrl, settings: bucket.settings })
  t.match(await tooEarly.ended, { code: 1 })
  t.match(
    tooEarly.stderr(),
    /^The move of a depot into the database of FIXDEPOT_DATABASE_URL is not complete\. Continue it/
  )
  const { code, stdout, stderr } = await migrate(t, { from: embedded, to })
  t.equal(code, 0, stderr)
  t.match(stdout, /^An interrupted move continues\.$/m)
  t.match(
    stdout,
    /^26 tables with \d+ rows are equal in source and target\.\n\d archives with \d+ bytes were moved and read back\.$/m
  )
  t.match(
    stdout,
    /^Start the server with FIXDEPOT_DATABASE_URL, FIXDEPOT_ARCHIVES_URL, FIXDEPOT_S3_ENDPOINT as in target\.env\. Do not/m
  )
  t.same(contentsBelow(embedded.dataDirectory), before, 'the source is unchanged')

  const cluster: ServerOptions = { ...embedded, databaseUrl, settings: bucket.settings }
  t.match(await auditOf(cluster), { code: 0 })
  const server = await startServer(t, cluster)
  const archives = await checkHistory(t, server, history)
  await server.stop()
  const calm = await startServer(t, { ...embedded, dataDirectory: path.join(t.testdirName, 'calm') })
  const [running] = history.live
  t.equal(
    await archiveOf(calm, await calm.export({ fixids: ['large', 'medium'] })),
    archives[running ?? 0],
    'the archive is byte-identical'
  )
  await calm.stop()

  const dataDirectory = path.join(t.testdirName, 'back')
  const home = { FIXDEPOT_DATA_DIR: dataDirectory }
  for (const killAfter of [3, 27]) t.equal((await migrate(t, { from: cluster, to: home, killAfter })).code, null)
  const back = await migrate(t, { from: cluster, to: home, args: ['--json'] })
  t.equal(back.code, 0, back.stderr)
  t.match(JSON.parse(back.stdout), {
    tables: { count: 26 },
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
})

t.test('an interrupted transfer of an archive is resumed', { skip }, async (t) => {
  const embedded = makeSourceDepot(t, 64)
  const server = await startServer(t, embedded)
  const digest = await archiveOf(server, await server.export({ fixids: ['large'] }))
  await server.stop()
  const bucket = await makeBucket(t)
  const databaseUrl = await createEmptyDatabase(t)
  const to = { FIXDEPOT_DATABASE_URL: databaseUrl, ...bucket.settings }
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  t.teardown(() => client.end())
  const uploadedBytes = async () => {
    const { rows } = await client
      .query("select value from store_move where name like 'archive %' and value != 'moved'")
      .catch(() => ({ rows: [] }))
    return Number(rows[0]?.value ?? 0)
  }
  const { code } = await migrate(t, {
    from: embedded,
    to,
    async onStart(child) {
      await until('parts are uploaded', async () => (await uploadedBytes()) >= 8 * MIB)
      child.kill('SIGKILL')
    }
  })
  const uploaded = await uploadedBytes()
  t.equal(code, null)
  t.ok(uploaded < 64 * MIB, `${uploaded} bytes were uploaded`)
  t.match(await migrate(t, { from: embedded, to }), { code: 0 })
  const cluster = await startServer(t, { ...embedded, databaseUrl, settings: bucket.settings })
  t.equal(await archiveOf(cluster, await cluster.export({ fixids: ['large'] })), digest)
})
