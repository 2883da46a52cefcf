import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { generateRepository } from '../../../sample/generate.ts'
import { IMPORT } from '../../support/api/app.ts'
import { filesBody } from '../../support/api/multipart.ts'
import { packageFiles } from '../../support/packages.ts'
import { largeRepository } from '../../support/servers/large-repository.ts'
import {
  createEmptyDatabase,
  POSTGRES_PASSWORD,
  type PostgresServer,
  startPostgres,
  whyNoPostgres
} from '../../support/servers/postgres.ts'
import {
  makeDirectories,
  type ServerOptions,
  startServer,
  type TestServer,
  until
} from '../../support/servers/server.ts'

const FIRMWARE = '/updateRepositories/firmware'
const LISTING = `${FIRMWARE}?key=updates&payload`

const missing = whyNoPostgres()
const test = (name: string, run: (t: Test) => Promise<void>) => t.test(name, { skip: missing ?? false }, run)

async function download(server: TestServer, taskid: number): Promise<Buffer> {
  const { state, current } = await server.finished(taskid)
  if (state !== 'complete') throw new Error(`The export ended as ${state}`)
  const response = await server.call(`${FIRMWARE}?key=export&exportRepoFilename=${current}`)
  return Buffer.from(await response.arrayBuffer())
}

/** A PostgreSQL server for one test, which can stop it. */
async function ownPostgres(t: Test): Promise<PostgresServer> {
  const postgres = await startPostgres()
  t.teardown(() => postgres.remove())
  return postgres
}

test('a depot in PostgreSQL lists and exports the same as one in a file', async (t) => {
  const directories = makeDirectories(t)
  await generateRepository({ directory: directories.repositoryDirectory, targetBytes: 1_000_000, seedFiles: [] })
  const embedded = await startServer(t, directories)
  const dataDirectory = path.join(path.dirname(directories.dataDirectory), 'other')
  fs.mkdirSync(dataDirectory)
  const server = await startServer(t, { ...directories, dataDirectory, databaseUrl: await createEmptyDatabase(t) })
  for (const listing of [LISTING, `${FIRMWARE}?key=supportedMts`, '/api/v1/packages', '/api/v1/problems']) {
    t.same(await server.json(listing), await embedded.json(listing), listing)
  }
  const [one, other] = [
    await download(server, await server.export()),
    await download(embedded, await embedded.export())
  ]
  t.ok(one.equals(other), 'the archives are byte-identical')
  t.notOk(fs.existsSync(path.join(dataDirectory, 'fixdepot.db')))
  t.same(await server.stop(), { code: 0, signal: null })
})

test('imports, deletions, users, sessions and the audit trail survive a restart', async (t) => {
  const options = { ...makeDirectories(t, packageFiles({ fixid: 'old' })), databaseUrl: await createEmptyDatabase(t) }
  const server = await startServer(t, options)
  const files = Object.fromEntries(
    Object.entries(packageFiles({ fixid: 'new' })).map(([name, file]) => [name, Buffer.from(file)])
  )
  const { headers, payload } = filesBody(files)
  const { jobid } = await server.json<{ jobid: number }>(IMPORT, {
    method: 'POST',
    headers,
    body: new Uint8Array(payload)
  })
  t.match(await server.finished(jobid), { state: 'complete' })
  const deletion = { method: 'PUT', body: JSON.stringify({ fixids: ['old'] }) }
  t.equal((await server.call(`${FIRMWARE}?action=delete&filetypes=all`, deletion)).status, 200)
  const user = { name: 'ann', role: 'viewer', password: 'a password of ann' }
  const json = { 'content-type': 'application/json' }
  await server.json('/api/v1/users', { method: 'POST', headers: json, body: JSON.stringify(user) })
  const exported = await server.export()
  await server.finished(exported)
  t.same(await server.stop('SIGKILL'), { code: null, signal: 'SIGKILL' })

  const next = await startServer(t, options)
  t.match(await next.status(exported), { state: 'complete' })
  const { packages } = await next.json<{ packages: { fixid: string }[] }>('/api/v1/packages')
  t.same(
    packages.map(({ fixid }) => fixid),
    ['new']
  )
  t.match(await next.json('/api/v1/users'), { users: [{ name: 'admin' }, { name: 'ann', role: 'viewer' }] })
  t.match(JSON.stringify(await next.json('/api/v1/audit')), /name:ann/)
  t.match(await next.json('/health/ready'), { status: 'ready' })
  t.notMatch(JSON.stringify(await next.json('/api/v1/status')), POSTGRES_PASSWORD)
})

test('an export is resumed after the server was killed', async (t) => {
  const options: ServerOptions = { ...largeRepository(t), databaseUrl: await createEmptyDatabase(t) }
  const server = await startServer(t, options)
  const taskid = await server.export()
  await until('the export runs', async () => (await server.status(taskid)).progress > 0)
  await server.stop('SIGKILL')
  const next = await startServer(t, options)
  t.match(await next.finished(taskid), { state: 'complete' })
})

test('a restart of PostgreSQL loses no accepted export, and the server continues without a restart', async (t) => {
  const postgres = await ownPostgres(t)
  const directories = largeRepository(t)
  const more = packageFiles({ fixid: 'small' })
  for (const [name, file] of Object.entries(more))
    fs.writeFileSync(path.join(directories.repositoryDirectory, name), file)
  const server = await startServer(t, {
    ...directories,
    databaseUrl: postgres.url('postgres'),
    settings: { FIXDEPOT_WORKERS: '2' }
  })
  const accepted: number[] = []
  for (const body of [{}, { fixids: ['large'] }, { fixids: ['small'] }]) accepted.push(await server.export(body))
  for (let round = 0; round < 3; round += 1) {
    await postgres.kill()
    const away = await server.call(`${FIRMWARE}?key=size`)
    t.equal(away.status, 503)
    t.equal((await server.call('/health/ready')).status, 503)
    await postgres.start()
    await until('requests are answered', async () => (await server.call(`${FIRMWARE}?key=size`)).status === 200)
    accepted.push(await server.export(round === 0 ? {} : { fixids: [round === 1 ? 'large' : 'small'] }))
    const scan = await server.json<{ taskid: number }>(`${FIRMWARE}?action=read`, { method: 'PUT', body: '{}' })
    accepted.push(scan.taskid)
  }
  for (const taskid of accepted) t.match(await server.finished(taskid), { state: 'complete' }, `task ${taskid}`)
  await until('no job is running', async () => {
    const status = await server.json<{ exports?: unknown }>('/api/v1/status')
    return !/"running":\s*[1-9]/.test(JSON.stringify(status))
  })
  t.same(await server.stop(), { code: 0, signal: null })
  t.notMatch(server.stdout() + server.stderr(), POSTGRES_PASSWORD)
})
