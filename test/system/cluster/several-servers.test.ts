import path from 'node:path'
import t, { type Test } from 'tap'
import { basic, IMPORT } from '../../support/api/app.ts'
import { filesBody } from '../../support/api/multipart.ts'
import { readEvents } from '../../support/api/read-events.ts'
import { packageFiles } from '../../support/packages.ts'
import { download, hasStarted, makeCluster } from '../../support/servers/cluster.ts'
import { whyNoPostgres } from '../../support/servers/postgres.ts'
import { ADMIN_PASSWORD, spawnServer, startServer, type TestServer, until } from '../../support/servers/server.ts'

const FIRMWARE = '/updateRepositories/firmware'
/** Large enough for a test to kill a worker while it packs. */
const HUGE_BYTES = 192 * 2 ** 20

const missing = whyNoPostgres()
const test = (name: string, run: (t: Test) => Promise<unknown>) => t.test(name, { skip: missing ?? false }, run)

test('a worker packs what another server accepts, and every server answers for it', async (t) => {
  const { optionsOf } = await makeCluster(t)
  const [one, other] = await Promise.all(
    ['one', 'other'].map((name) => startServer(t, optionsOf(name, { FIXDEPOT_ROLE: name === 'one' ? 'api' : 'all' })))
  )
  if (one === undefined || other === undefined) return
  const worker = spawnServer(t, optionsOf('worker', { FIXDEPOT_ROLE: 'worker' }))
  const health = await worker.listening
  t.match(await (await fetch(`${health}/health/ready`)).json(), { status: 'ready' })
  t.equal((await fetch(`${health}${FIRMWARE}?key=size`)).status, 404)
  t.equal((await fetch(`${health}/metrics`)).status, 401)

  const tasks: number[] = []
  for (let round = 0; round < 6; round += 1) {
    const server = round % 2 === 0 ? one : other
    tasks.push(await server.export(round < 3 ? { fixids: ['small'] } : {}))
  }
  const archives = new Set<string>()
  for (const [index, task] of tasks.entries()) {
    const { state, current } = await (index % 2 === 0 ? other : one).finished(task)
    t.equal(state, 'complete')
    archives.add(current)
  }
  t.equal(archives.size, 2, 'equal exports share an archive, at whichever server they were accepted')
  for (const name of archives) {
    const [left, right] = [await download(one, name), await download(other, name)]
    t.ok(left.equals(right))
  }
  // The API server has scanned nothing; it reads the files from the shared repository.
  const query = '/api/v1/archive?fixids=medium'
  const [made, read] = [await one.call(query), await other.call(query)]
  t.same([made.status, read.status], [200, 200])
  t.ok(Buffer.from(await made.arrayBuffer()).equals(Buffer.from(await read.arrayBuffer())))
  t.notMatch(one.stdout(), /task started/, 'a server with the role api runs no jobs')

  const files = filesBody(
    Object.fromEntries(Object.entries(packageFiles({ fixid: 'new' })).map(([name, file]) => [name, Buffer.from(file)]))
  )
  const body = new Uint8Array(files.payload)
  const { jobid } = await one.json<{ jobid: number }>(IMPORT, { method: 'POST', headers: files.headers, body })
  t.match(await other.finished(jobid), { state: 'complete' })
  t.match(JSON.stringify(await other.json('/api/v1/packages')), /"fixid":"new"/)
  const deletion = { method: 'PUT', body: JSON.stringify({ fixids: ['new'] }) }
  t.equal((await other.call(`${FIRMWARE}?action=delete&filetypes=all`, deletion)).status, 200)
  t.notMatch(JSON.stringify(await one.json('/api/v1/packages')), /"fixid":"new"/)
  for (const server of [one, other]) t.same(await server.stop(), { code: 0, signal: null })
})

test('another worker completes the export of a killed worker, with the same bytes', async (t) => {
  const { root, directories, optionsOf } = await makeCluster(t, HUGE_BYTES)
  const workers = ['first', 'second'].map((name) => spawnServer(t, optionsOf(name, { FIXDEPOT_ROLE: 'worker' })))
  const front = await startServer(t, optionsOf('front', { FIXDEPOT_ROLE: 'api' }))
  const task = await front.export({ fixids: ['huge'] })
  await until('a worker has started the export', () => workers.some(hasStarted(task)))
  const packer = workers.find(hasStarted(task))
  packer?.child.kill('SIGKILL')
  await packer?.ended
  t.not((await front.status(task)).state, 'complete', 'the export is unfinished')
  const { state, current } = await front.finished(task)
  t.equal(state, 'complete')

  const alone = await startServer(t, { ...directories, dataDirectory: path.join(root, 'alone') })
  const same = await alone.finished(await alone.export({ fixids: ['huge'] }))
  t.ok((await download(front, current)).equals(await download(alone, same.current)))
})

test('sessions, users and failed logins are shared by all servers, and so are events', async (t) => {
  const { optionsOf } = await makeCluster(t)
  const other = await startServer(t, optionsOf('other'))
  const front = await startServer(t, optionsOf('front', { FIXDEPOT_ROLE: 'api' }))
  const json = { 'content-type': 'application/json' }
  const login = await fetch(`${front.url}/sessions`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ UserId: 'admin', password: ADMIN_PASSWORD })
  })
  t.equal(login.status, 200)
  const cookie = login.headers
    .getSetCookie()
    .map((one) => one.split(';', 1)[0])
    .join('; ')
  const withSession = (server: TestServer, init: RequestInit = {}) =>
    fetch(`${server.url}/sessions`, { ...init, headers: { cookie, ...(init.headers as Record<string, string>) } })
  t.equal((await withSession(other)).status, 200, 'a session of one server is valid at the other')
  const [, csrf = ''] = /(?:^|; )csrf=([^;]*)/.exec(cookie) ?? []
  const ended = await withSession(front, { method: 'DELETE', headers: { 'x-csrf-token': csrf } })
  t.equal(ended.status, 200)
  t.equal((await withSession(other)).status, 401, 'a logout at one server ends the session at the other')

  const ann = { name: 'ann', role: 'viewer', password: 'a password of ann' }
  await front.json('/api/v1/users', { method: 'POST', headers: json, body: JSON.stringify(ann) })
  const asAnn = (server: TestServer, password = ann.password) =>
    fetch(`${server.url}/api/v1/me`, { headers: { authorization: basic('ann', password) } })
  t.equal((await asAnn(other)).status, 200)
  const change = { method: 'PATCH', headers: json, body: JSON.stringify({ password: 'another password' }) }
  await front.json('/api/v1/users/ann', change)
  await until(
    'the old password is refused by the other server',
    async () => (await asAnn(other)).status === 401,
    30_000
  )
  // That was the first failure. After the fifth one, at any server, logins have to wait.
  let refused: Response | undefined
  for (let round = 0; round < 6 && refused === undefined; round += 1) {
    const response = await asAnn(round % 2 === 0 ? front : other, 'a wrong one')
    if (response.status === 429) refused = response
  }
  t.ok(refused, 'failed logins are counted across servers')
  t.equal((await asAnn(front, 'another password')).status, 429)

  const events = readEvents(await front.call('/api/v1/events'))
  const task = await other.export()
  for await (const { data } of events) if (data.id === task && data.state === 'completed') break
})

test('a server whose archives are in another location than those of its peers does not start', async (t) => {
  const { optionsOf } = await makeCluster(t)
  await startServer(t, optionsOf('one'))
  const other = spawnServer(t, optionsOf('other', { FIXDEPOT_ARCHIVES_URL: undefined }))
  t.match(await other.ended, { code: 1 })
  t.match(
    other.stderr(),
    /^Other servers use the database of FIXDEPOT_DATABASE_URL, and have their archives in another place/
  )
})
