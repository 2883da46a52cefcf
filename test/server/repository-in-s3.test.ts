import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { generateRepository } from '../../sample/generate.ts'
import { IMPORT } from '../helpers/app.ts'
import { contentsOf, writeFiles } from '../helpers/depot.ts'
import { startGate } from '../helpers/gate.ts'
import { filesBody } from '../helpers/multipart.ts'
import { packageFiles } from '../helpers/packages.ts'
import { makeBucket, s3Of, withoutS3 } from '../helpers/s3-server.ts'
import { makePlace, type ServerOptions, startServer, type TestServer, until } from '../helpers/server.ts'

const FIRMWARE = '/updateRepositories/firmware'
const LISTING = `${FIRMWARE}?key=updates&payload`

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** A bucket with a repository in it, which other programs can change, too. */
async function makeRemote(t: Test) {
  const bucket = await makeBucket(t)
  const s3 = await s3Of(t, bucket)
  const Bucket = bucket.bucket
  const { FIXDEPOT_ARCHIVES_URL: _, ...keys } = bucket.settings
  return {
    bucket,
    settings: { ...keys, FIXDEPOT_REPOSITORY_DIR: undefined, FIXDEPOT_REPOSITORY_URL: `s3://${Bucket}/firmware` },
    async put(name: string, Body: Buffer | string, modifiedAt?: number) {
      const Metadata: Record<string, string> = modifiedAt === undefined ? {} : { mtime: String(modifiedAt) }
      await s3.putObject({ Bucket, Key: `firmware/${name}`, Body, Metadata })
    },
    take: async (name: string) => void (await s3.deleteObject({ Bucket, Key: `firmware/${name}` })),
    /** The names of all objects, hidden ones too. */
    async names() {
      const names: string[] = []
      let ContinuationToken: string | undefined
      do {
        const page = await s3.listObjectsV2({ Bucket, Prefix: 'firmware/', ContinuationToken })
        for (const { Key = '' } of page.Contents ?? []) names.push(Key.slice('firmware/'.length))
        ContinuationToken = page.NextContinuationToken
      } while (ContinuationToken !== undefined)
      return names
    }
  }
}

/** Puts all files of a directory there, with their times, as rclone does. */
async function copyThere(directory: string, put: (name: string, bytes: Buffer, modifiedAt: number) => Promise<void>) {
  for (const name of Object.keys(contentsOf(directory))) {
    const file = path.join(directory, name)
    await put(name, fs.readFileSync(file), Math.floor(fs.statSync(file).mtimeMs / 1000))
  }
}

async function exportAll(server: TestServer): Promise<{ name: string; bytes: Buffer; etag: string | null }> {
  const status = await server.finished(await server.export())
  if (status.state !== 'complete') throw new Error(status.message)
  const response = await server.call(`${FIRMWARE}?key=export&exportRepoFilename=${status.current}`)
  return {
    name: status.current,
    bytes: Buffer.from(await response.arrayBuffer()),
    etag: response.headers.get('etag')
  }
}

async function bytesOf(server: TestServer, to: string, headers: Record<string, string> = {}) {
  const response = await server.call(to, { headers })
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) }
}

/** A repository as operators have it, with all its defects. */
async function sampleServer(t: Test) {
  const place = makePlace(t)
  await generateRepository({ directory: place.repositoryDirectory, targetBytes: 6_000_000, seedFiles: [] })
  const payload = randomBytes(2_500_000).toString('hex')
  writeFiles(place.repositoryDirectory, packageFiles({ fixid: 'deflatable', payload }))
  return { place, server: await startServer(t, place) }
}

const elsewhere = (place: Pick<ServerOptions, 'dataDirectory' | 'repositoryDirectory'>, name = 'elsewhere') => ({
  ...place,
  dataDirectory: path.join(path.dirname(place.dataDirectory), name)
})

async function importArchive(server: TestServer, name: string, bytes: Buffer, query = ''): Promise<number> {
  const { headers, payload } = filesBody({ [name]: bytes })
  const answer = await server.call(IMPORT + query, { method: 'POST', headers, body: new Uint8Array(payload) })
  if (answer.status !== 200) throw new Error(await answer.text())
  return ((await answer.json()) as { jobid: number }).jobid
}

t.test('a repository in S3', { skip: withoutS3 }, async (t) => {
  t.test('of equal files and times gives the catalog and the archives of a directory', async (t) => {
    const { place, server: local } = await sampleServer(t)
    const remote = await makeRemote(t)
    await copyThere(place.repositoryDirectory, remote.put)
    const far = await startServer(t, { ...elsewhere(place), settings: remote.settings })
    t.same(await far.json(LISTING), await local.json(LISTING))
    const [there, here] = [await exportAll(far), await exportAll(local)]
    t.equal(sha256(there.bytes), sha256(here.bytes))
    t.equal(there.etag, here.etag)
    t.ok(fs.readdirSync(path.join(elsewhere(place).dataDirectory, 'deflated')).length > 0, 'some of it is deflated')

    const planned = await bytesOf(far, '/api/v1/archive?all=true')
    t.equal(sha256(planned.bytes), sha256(here.bytes), 'without being packed, too')
    const middle = Math.floor(here.bytes.length / 2)
    const part = await bytesOf(far, '/api/v1/archive?all=true', { range: `bytes=${middle}-${middle + 99_999}` })
    t.equal(part.status, 206)
    t.ok(part.bytes.equals(here.bytes.subarray(middle, middle + 100_000)))

    const again = await far.finished(
      (await far.json<{ taskid: number }>(`${FIRMWARE}?action=read`, { method: 'PUT' })).taskid
    )
    t.match(again, { state: 'complete' })
    t.equal((await far.call('/health/ready')).status, 200)
    t.notMatch(far.stdout(), remote.bucket.settings.AWS_SECRET_ACCESS_KEY ?? '?')
  })

  t.test('takes what another depot has exported, and gives the same archive again', async (t) => {
    const { place, server: local } = await sampleServer(t)
    const archive = await exportAll(local)
    const remote = await makeRemote(t)
    const options = { ...elsewhere(place), settings: remote.settings }
    const far = await startServer(t, options)
    t.match(await far.finished(await importArchive(far, archive.name, archive.bytes)), { state: 'complete' })
    t.same(await far.json(LISTING), await local.json(LISTING))
    t.equal(sha256((await exportAll(far)).bytes), sha256(archive.bytes))
    const again = await far.finished(await importArchive(far, archive.name, archive.bytes))
    t.match(again, { state: 'complete' })
    t.same(
      (await remote.names()).filter((name) => name.startsWith('.')),
      []
    )
    const isLeft = (name: string) => name.startsWith('.fixdepot-incoming')
    await until('nothing is left of what was sent', () => !fs.readdirSync(options.dataDirectory).some(isLeft))
  })

  t.test('gives single files in whole or in part, as text, and tells those that were replaced', async (t) => {
    const remote = await makeRemote(t)
    const payload = randomBytes(300_000)
    for (const [name, content] of Object.entries(packageFiles({ fixid: 'a', payload }))) await remote.put(name, content)
    const server = await startServer(t, { ...makePlace(t), settings: remote.settings })
    const file = '/api/v1/packages/a/file?path=a.uxz'
    const whole = await bytesOf(server, file)
    t.ok(whole.bytes.equals(payload))
    t.equal(whole.headers.get('etag'), `"${sha256(payload)}"`)
    const part = await bytesOf(server, file, { range: 'bytes=1000-1999', 'if-range': `"${sha256(payload)}"` })
    t.equal(part.status, 206)
    t.ok(part.bytes.equals(payload.subarray(1000, 2000)))
    t.equal((await bytesOf(server, file, { 'if-none-match': `"${sha256(payload)}"` })).status, 304)
    t.match((await bytesOf(server, '/api/v1/packages/a/readme')).bytes.toString(), /Readme of a/)
    t.match((await bytesOf(server, '/api/v1/packages/a/changes')).bytes.toString(), /Changes of a/)
    await remote.put('a.uxz', randomBytes(300_000))
    await remote.take('a.txt')
    t.equal((await bytesOf(server, file)).status, 409)
    t.equal((await bytesOf(server, '/api/v1/packages/a/readme')).status, 410)
    const planned = await server.call('/api/v1/archive?all=true').then(
      async (answer) => `${answer.status} ${await answer.text()}`,
      () => 'cut'
    )
    t.match(planned, /FQXHMUP90(30|31)L|cut/)
    const failed = await server.finished(await server.export())
    t.match(failed, { state: 'error' })
    t.match(failed.message, /a\.(uxz has changed|txt cannot be read)/)
  })

  t.test('what other programs put there has the time when they did, and stays the same over restarts', async (t) => {
    const remote = await makeRemote(t)
    for (const [name, content] of Object.entries(packageFiles({ fixid: 'a', payload: 'payload' }))) {
      await remote.put(`deep/${name}`, content)
    }
    const options = { ...makePlace(t), settings: remote.settings }
    const first = await startServer(t, options)
    const before = await exportAll(first)
    await first.stop()
    const second = await startServer(t, { ...elsewhere(options), settings: remote.settings })
    t.equal(sha256((await exportAll(second)).bytes), sha256(before.bytes), 'also to a depot that reads all of it anew')
  })

  t.test('loses what is deleted, and what an import replaces', async (t) => {
    const remote = await makeRemote(t)
    for (const fixid of ['a', 'b']) {
      const files = packageFiles({ fixid, payload: `payload of ${fixid}` })
      for (const [name, content] of Object.entries(files)) await remote.put(name, content)
    }
    const server = await startServer(t, { ...makePlace(t), settings: remote.settings })
    const request = { method: 'PUT', body: JSON.stringify({ fixids: ['a'] }) }
    const answer = await server.call(`${FIRMWARE}?action=delete&filetypes=all`, request)
    t.equal(answer.status, 200, await answer.clone().text())
    t.same((await remote.names()).sort(), ['b.chg', 'b.txt', 'b.uxz', 'b.xml'])
    const files = Object.entries(packageFiles({ fixid: 'b', payload: 'another payload of b' }))
    const { headers, payload } = filesBody(Object.fromEntries(files.map(([name, text]) => [name, Buffer.from(text)])))
    const send = async (query: string) => {
      const sent = await server.call(IMPORT + query, { method: 'POST', headers, body: new Uint8Array(payload) })
      const answer = await sent.text()
      if (sent.status !== 200) throw new Error(answer)
      return server.finished(JSON.parse(answer).jobid)
    }
    await t.rejects(send(''), /FQXHMUP9022L/)
    t.match(await send('?replace=true'), { state: 'complete' })
    t.equal((await bytesOf(server, '/api/v1/packages/b/file?path=b.uxz')).bytes.toString(), 'another payload of b')
    t.same((await remote.names()).sort(), ['b.chg', 'b.txt', 'b.uxz', 'b.xml'])
  })

  t.test('an import that was accepted is completed after the server was killed', async (t) => {
    const { place, server: local } = await sampleServer(t)
    const archive = await exportAll(local)
    const remote = await makeRemote(t)
    const options = { ...elsewhere(place), settings: remote.settings }
    const first = await startServer(t, options)
    const taskid = await importArchive(first, archive.name, archive.bytes)
    await until('some of it is there', async () => (await remote.names()).length > 20)
    await first.stop('SIGKILL')
    const second = await startServer(t, options)
    t.match(await second.finished(taskid), { state: 'complete' })
    t.same(await second.json(LISTING), await local.json(LISTING))
    t.equal(sha256((await exportAll(second)).bytes), sha256(archive.bytes))
    t.same(
      (await remote.names()).filter((name) => name.startsWith('.')),
      []
    )
  })

  t.test('that is away is waited for by exports, and nothing is forgotten', async (t) => {
    const remote = await makeRemote(t)
    const gate = await startGate(t, remote.bucket.server.endpoint)
    const payload = randomBytes(1_000_000)
    const files = packageFiles({ fixid: 'a', payload: Buffer.concat(Array.from({ length: 64 }, () => payload)) })
    for (const [name, content] of Object.entries(files)) await remote.put(name, content)
    const settings = { ...remote.settings, FIXDEPOT_S3_ENDPOINT: gate.url, FIXDEPOT_COMPRESSION: 'store' }
    const server = await startServer(t, { ...makePlace(t), settings })
    gate.shut()
    const taskid = await server.export()
    const refused = await server.call('/api/v1/packages/a/file?path=a.uxz')
    t.equal(refused.status, 503)
    t.match(await refused.text(), /The storage of the repository does not answer as it should: ECONN/)
    t.match(await (await server.call('/health/ready')).text(), /The storage of the repository does not answer/)
    t.match(await server.status(taskid), { state: /running|created/ })
    gate.open()
    t.match(await server.finished(taskid), { state: 'complete' })
    t.equal((await server.json<{ result: unknown[] }>(LISTING)) !== undefined, true)
  })

  t.test('a bucket that is not there ends the start with a sentence', async (t) => {
    const remote = await makeRemote(t)
    const settings = { ...remote.settings, FIXDEPOT_REPOSITORY_URL: 's3://no-such-bucket/firmware' }
    await t.rejects(startServer(t, { ...makePlace(t), settings }), {
      message: /code 1: FIXDEPOT_REPOSITORY_URL cannot be used: .*NoSuchBucket/
    })
  })
})
