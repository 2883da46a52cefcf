import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { IMPORT } from '../helpers/app.ts'
import { filesBody } from '../helpers/multipart.ts'
import { packageFiles } from '../helpers/packages.ts'
import { createEmptyDatabase, whyNoPostgres } from '../helpers/postgres.ts'
import { makePlace, type ServerOptions, spawnServer, startServer, type TestServer, until } from '../helpers/server.ts'

const FIRMWARE = '/updateRepositories/firmware'
/** Takes a second or more to pack. */
const HUGE_BYTES = 400 * 2 ** 20

const missing = whyNoPostgres()
const test = (name: string, run: (t: Test) => Promise<unknown>) => t.test(name, { skip: missing ?? false }, run)

type Settings = ServerOptions['settings']

/** A shared repository, a shared directory of archives and one database; each server gets a data directory of its own. */
async function makeCluster(t: Test) {
  const place = makePlace(t, {
    ...packageFiles({ fixid: 'small', payload: 'small' }),
    ...packageFiles({ fixid: 'huge', payload: '' })
  })
  const root = path.dirname(place.dataDirectory)
  fs.truncateSync(path.join(place.repositoryDirectory, 'huge.uxz'), HUGE_BYTES)
  const archives = path.join(root, 'archives')
  fs.mkdirSync(archives)
  const databaseUrl = await createEmptyDatabase(t)
  const optionsOf = (name: string, settings: Settings = {}): ServerOptions => ({
    ...place,
    dataDirectory: path.join(root, name),
    databaseUrl,
    settings: { FIXDEPOT_ARCHIVES_URL: pathToFileURL(archives).href, ...settings }
  })
  return { root, place, optionsOf }
}

const archivePath = (name: string) => `${FIRMWARE}?key=export&exportRepoFilename=${name}`

async function download(server: TestServer, name: string): Promise<Buffer> {
  const response = await server.call(archivePath(name))
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
  return Buffer.from(await response.arrayBuffer())
}

const hasStarted = (taskId: number) => (worker: { stdout: () => string }) =>
  worker
    .stdout()
    .split('\n')
    .some((line) => line.includes('task started') && line.includes(`"taskId":${taskId},`))

test('what one server accepts another one packs, and every server can be asked for it', async (t) => {
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
  t.equal(archives.size, 2, 'equal exports share an archive, whoever has accepted them')
  for (const name of archives) {
    const [left, right] = [await download(one, name), await download(other, name)]
    t.ok(left.equals(right))
  }
  t.notMatch(one.stdout(), /task started/, 'who only answers requests does no work')

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

test('what a killed worker has begun another one ends, with the same bytes', async (t) => {
  const { optionsOf } = await makeCluster(t)
  const api = await startServer(t, optionsOf('api'))
  const expected = await download(api, (await api.finished(await api.export())).current)
  await api.stop()
  const front = await startServer(t, optionsOf('front', { FIXDEPOT_ROLE: 'all', FIXDEPOT_WORKERS: '1' }))
  const workers = ['first', 'second'].map((name) => spawnServer(t, optionsOf(name, { FIXDEPOT_ROLE: 'worker' })))
  await Promise.all(workers.map(({ listening }) => listening))
  t.equal((await front.export({ fixids: ['small'] })) > 0, true)
  // Another order of the same bytes is another archive: this one has the large file alone.
  const task = await front.export({ fixids: ['huge'] })
  await until('somebody packs it', () => [front, ...workers].some(hasStarted(task)))
  const packer = [front, ...workers].find(hasStarted(task))
  if (packer === front || packer === undefined) return t.pass('the front has it: nobody can be killed')
  packer.child.kill('SIGKILL')
  await packer.ended
  const { state, current } = await front.finished(task)
  t.equal(state, 'complete')
  t.ok((await download(front, current)).length > HUGE_BYTES)
  t.ok(expected.length > HUGE_BYTES)
})

test('servers that keep archives in different places are not let together', async (t) => {
  const { optionsOf } = await makeCluster(t)
  await startServer(t, optionsOf('one'))
  const other = spawnServer(t, optionsOf('other', { FIXDEPOT_ARCHIVES_URL: undefined }))
  t.match(await other.ended, { code: 1 })
  t.match(
    other.stderr(),
    /^Other servers use the database of FIXDEPOT_DATABASE_URL, and have their archives in another place/
  )
})
