import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import type net from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import { startGate } from '../helpers/gate.ts'
import { packageFiles } from '../helpers/packages.ts'
import { makeBucket, s3Of, withoutS3 } from '../helpers/s3-server.ts'
import { makePlace, startServer, type TestServer, until } from '../helpers/server.ts'

const MIB = 2 ** 20
const PART = 8 * MIB
const PAYLOAD = 100 * MIB + 12_345
const TIME = 1_700_000_000

const archivePath = (name: string) => `/updateRepositories/firmware?key=export&exportRepoFilename=${name}`

/** A depot that has everything in one bucket, and the digest of the archive that a depot without buckets makes of the same files. */
async function makeDepot(t: Test) {
  const bucket = await makeBucket(t)
  const s3 = await s3Of(t, bucket)
  const place = makePlace(t)
  const files = {
    ...packageFiles({ fixid: 'small', payload: 'small' }),
    ...packageFiles({ fixid: 'large', payload: randomBytes(PAYLOAD) })
  }
  const put = async (name: string, Body: Buffer | string) =>
    void (await s3.putObject({
      Bucket: bucket.bucket,
      Key: `firmware/${name}`,
      Body,
      Metadata: { mtime: String(TIME) }
    }))
  for (const [name, content] of Object.entries(files)) {
    await put(name, content)
    fs.writeFileSync(path.join(place.repositoryDirectory, name), content)
    fs.utimesSync(path.join(place.repositoryDirectory, name), TIME, TIME)
  }
  const settings = {
    ...bucket.settings,
    FIXDEPOT_REPOSITORY_DIR: undefined,
    FIXDEPOT_REPOSITORY_URL: `s3://${bucket.bucket}/firmware`
  }
  const dataDirectory = path.join(path.dirname(place.dataDirectory), 'far')
  return { bucket, put, settings, local: place, far: { ...place, dataDirectory } }
}

async function localDigest(t: Test, place: ReturnType<typeof makePlace>): Promise<string> {
  const server = await startServer(t, place)
  const { current } = await server.finished(await server.export())
  await server.stop()
  return createHash('sha256')
    .update(fs.readFileSync(path.join(place.dataDirectory, 'archives', current)))
    .digest('hex')
}

async function digestOf(server: TestServer, name: string): Promise<string> {
  const response = await server.call(archivePath(name))
  return createHash('sha256')
    .update(Buffer.from(await response.arrayBuffer()))
    .digest('hex')
}

/** A way to storage that does not copy parts. */
async function startWithoutCopies(t: Test, target: string) {
  let refusals = 0
  const proxy = http.createServer((request, response) => {
    if (request.headers['x-amz-copy-source'] !== undefined) {
      refusals += 1
      response.writeHead(501, { 'content-type': 'application/xml' })
      response.end('<Error><Code>NotImplemented</Code><Message>Not here</Message></Error>')
      return
    }
    const { method, url, headers } = request
    const upstream = http.request(new URL(url ?? '/', target), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    upstream.on('error', () => response.destroy())
    response.on('close', () => upstream.destroy())
    request.pipe(upstream)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  return { url: `http://127.0.0.1:${(proxy.address() as net.AddressInfo).port}`, refusals: () => refusals }
}

t.test('an archive in the storage of the repository', { skip: withoutS3 }, async (t) => {
  t.test('is made there of what is large, and is the same, byte by byte', async (t) => {
    const { bucket, settings, local, far } = await makeDepot(t)
    const gate = await startGate(t, bucket.server.endpoint)
    const server = await startServer(t, { ...far, settings: { ...settings, FIXDEPOT_S3_ENDPOINT: gate.url } })
    const before = gate.passed()
    const status = await server.finished(await server.export())
    const passed = gate.passed() - before
    t.match(status, { state: 'complete', downloadedsize: status.totalsize })
    t.ok(passed < 5 * PART, `${passed} bytes of ${PAYLOAD} came by`)
    t.equal(await digestOf(server, status.current), await localDigest(t, local))
  })

  t.test('is gone on with after a kill', async (t) => {
    const { settings, local, far } = await makeDepot(t)
    const first = await startServer(t, { ...far, settings })
    const taskid = await first.export()
    await until('some parts are there', async () => (await first.status(taskid)).downloadedsize >= 2 * PART)
    await first.stop('SIGKILL')
    const second = await startServer(t, { ...far, settings })
    const status = await second.finished(taskid)
    t.match(status, { state: 'complete' })
    t.equal(await digestOf(second, status.current), await localDigest(t, local))
  })

  t.test('is not made of an object that is another one by now', async (t) => {
    const { put, settings, far } = await makeDepot(t)
    const server = await startServer(t, { ...far, settings })
    await put('large.uxz', randomBytes(PAYLOAD))
    const status = await server.finished(await server.export())
    t.equal(status.state, 'error')
    t.match(status.message, /large\.uxz has changed/)
  })

  t.test('is made by reading where the storage does not copy', async (t) => {
    const { bucket, settings, local, far } = await makeDepot(t)
    const proxy = await startWithoutCopies(t, bucket.server.endpoint)
    const server = await startServer(t, { ...far, settings: { ...settings, FIXDEPOT_S3_ENDPOINT: proxy.url } })
    const status = await server.finished(await server.export())
    t.match(status, { state: 'complete' })
    t.ok(proxy.refusals() > 0)
    t.equal(await digestOf(server, status.current), await localDigest(t, local))
  })
})
