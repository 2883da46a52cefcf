import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { createArchiveBucket } from '../../../src/storage/s3/archive-bucket.ts'
import { openReadOnly } from '../../../src/store/engine/database.ts'
import { NAME } from '../../support/archive-storage-suite.ts'
import { startGate } from '../../support/gate.ts'
import { packageFiles } from '../../support/packages.ts'
import { makeBucket, type TestBucket, withoutS3 } from '../../support/servers/s3-server.ts'
import {
  makeDirectories,
  type ServerOptions,
  startServer,
  type TestServer,
  until
} from '../../support/servers/server.ts'

const MIB = 2 ** 20
const PART = 8 * MIB

/** The directories of a server whose repository has a payload of this size, in which no two parts are equal. */
function directoriesWith(t: Test, payloadBytes: number): Omit<ServerOptions, 'settings'> {
  const directories = makeDirectories(t, {
    ...packageFiles({ fixid: 'small', payload: 'small' }),
    ...packageFiles({ fixid: 'large', payload: '' })
  })
  const payload = randomBytes(MIB)
  const fd = fs.openSync(path.join(directories.repositoryDirectory, 'large.uxz'), 'w')
  for (let at = 0; at < payloadBytes; at += MIB) {
    payload.writeUInt32LE(at / MIB, 0)
    fs.writeSync(fd, payload)
  }
  fs.closeSync(fd)
  return directories
}

const archivePath = (name: string) => `/updateRepositories/firmware?key=export&exportRepoFilename=${name}`
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

async function download(server: TestServer, name: string): Promise<Buffer> {
  const response = await server.call(archivePath(name))
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
  return Buffer.from(await response.arrayBuffer())
}

/** The digest and the ETag of the archive of the same repository on a disk. */
async function exportToDisk(t: Test, directories: Omit<ServerOptions, 'settings'>) {
  const dataDirectory = path.join(path.dirname(directories.dataDirectory), 'local')
  const server = await startServer(t, { ...directories, dataDirectory })
  const { current } = await server.finished(await server.export())
  const response = await server.call(archivePath(current), { method: 'HEAD' })
  await server.stop()
  return {
    sha256: sha256(fs.readFileSync(path.join(dataDirectory, 'archives', current))),
    etag: response.headers.get('etag')
  }
}

async function filesIn(bucket: TestBucket) {
  const storage = createArchiveBucket(bucket)
  try {
    return await storage.ownFiles()
  } finally {
    storage.close()
  }
}

async function jobOf({ dataDirectory }: Pick<ServerOptions, 'dataDirectory'>) {
  const db = openReadOnly(path.join(dataDirectory, 'fixdepot.db'))
  try {
    return await db.selectFrom('job').selectAll().where('kind', '=', 'export').executeTakeFirstOrThrow()
  } finally {
    await db.destroy()
  }
}

t.test('archives in S3', { skip: withoutS3 }, async (t) => {
  t.test(
    'an export into a bucket is byte-identical to one on a disk, and has the same kinds of downloads',
    async (t) => {
      const bucket = await makeBucket(t)
      const directories = directoriesWith(t, 20 * MIB)
      const local = await exportToDisk(t, directories)
      const server = await startServer(t, { ...directories, settings: bucket.settings })
      const status = await server.finished(await server.export())
      t.match(status, { state: 'complete', downloadedsize: status.totalsize, downloadednum: status.total })
      const whole = await download(server, status.current)
      t.equal(sha256(whole), local.sha256)
      t.same(fs.existsSync(path.join(directories.dataDirectory, 'archives')), false)

      const head = await server.call(archivePath(status.current), { method: 'HEAD' })
      t.equal(head.headers.get('etag'), local.etag)
      t.equal(head.headers.get('content-length'), String(whole.length))
      const etag = head.headers.get('etag') ?? ''
      const modified = head.headers.get('last-modified') ?? ''
      const part = async (headers: Record<string, string>) => {
        const response = await server.call(archivePath(status.current), { headers })
        return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) }
      }
      for (const [range, start, end] of [
        ['bytes=0-0', 0, 1],
        [`bytes=${PART - 5}-${PART + 4}`, PART - 5, PART + 5],
        ['bytes=-1000', whole.length - 1000, whole.length],
        [`bytes=${whole.length - 3 * MIB}-`, whole.length - 3 * MIB, whole.length]
      ] as const) {
        const { status, bytes } = await part({ range, 'if-range': etag })
        t.equal(status, 206)
        t.ok(bytes.equals(whole.subarray(start, end)), range)
      }
      t.equal((await part({ range: `bytes=${whole.length}-` })).status, 416)
      t.equal((await part({ range: 'bytes=0-9', 'if-range': '"another"' })).bytes.length, whole.length)
      t.equal((await part({ 'if-none-match': etag })).status, 304)
      t.equal((await part({ 'if-modified-since': modified })).status, 304)

      const again = await server.finished(await server.export())
      t.equal(again.current, status.current, 'an equal export shares the archive')
      t.equal((await server.call('/health/ready')).status, 200)
      t.notMatch(server.stdout(), bucket.settings.AWS_SECRET_ACCESS_KEY ?? '?')
    }
  )

  t.test('after a kill an export is resumed at its last part, and few bytes are packed again', async (t) => {
    const bucket = await makeBucket(t)
    const directories = directoriesWith(t, 256 * MIB)
    const local = await exportToDisk(t, directories)
    const first = await startServer(t, { ...directories, settings: bucket.settings })
    const taskid = await first.export()
    await until('several parts are uploaded', async () => (await first.status(taskid)).downloadedsize >= 3 * PART)
    await first.stop('SIGKILL')
    const { bytes_done: done, checkpoint_offset: checkpoint, state } = await jobOf(directories)
    t.equal(state, 'running', 'the export was unfinished at the kill')
    t.ok(done - checkpoint <= 2 * PART, `${done - checkpoint} recorded bytes are packed again`)
    t.equal(checkpoint % PART, 0)
    const uploads = await filesIn(bucket)
    t.match(uploads, [{ token: 0 }])
    const second = await startServer(t, { ...directories, settings: bucket.settings })
    const status = await second.finished(taskid)
    t.equal(status.state, 'complete')
    const { run_started_bytes: resumedAt } = await jobOf(directories)
    t.equal(resumedAt, done, 'the second run starts with the recorded bytes of the first one')
    t.equal(sha256(await download(second, status.current)), local.sha256)
    t.match(await filesIn(bucket), [{ archiveName: status.current, token: undefined }], 'no upload remains')
  })

  t.test('an export waits for unreachable storage, and requests are answered with 503', async (t) => {
    const bucket = await makeBucket(t)
    const gate = await startGate(t, bucket.server.endpoint)
    const directories = directoriesWith(t, 192 * MIB)
    const settings = { ...bucket.settings, FIXDEPOT_S3_ENDPOINT: gate.url }
    const server = await startServer(t, { ...directories, settings })
    const before = await server.finished(await server.export({ fixids: ['small'] }))
    const taskid = await server.export()
    await until('a part is uploaded', async () => (await server.status(taskid)).downloadedsize >= PART)
    gate.shut()
    const refused = await server.call(archivePath(before.current))
    t.equal(refused.status, 503)
    t.match(await refused.text(), /FQXHMUP9050L.*The storage of archives does not answer as it should: ECONN/)
    t.match(refused.headers.get('retry-after'), /^\d+$/)
    const ready = await server.call('/health/ready')
    t.equal(ready.status, 503)
    t.match(await ready.text(), /The storage of archives does not answer/)
    const again = await server.call('/updateRepositories/firmware?action=export', {
      method: 'PUT',
      body: JSON.stringify({ fixids: ['small'] })
    })
    t.equal(again.status, 503, 'the server cannot check whether the archive exists')
    t.match(await server.status(taskid), { state: 'running' })
    gate.open()
    t.equal((await server.finished(taskid)).state, 'complete')
    t.equal((await server.call('/health/ready')).status, 200)
    t.match(await filesIn(bucket), [{ token: undefined }, { token: undefined }])
  })

  t.test('a stop while storage is unreachable ends the server, and the next start resumes the export', async (t) => {
    const bucket = await makeBucket(t)
    const gate = await startGate(t, bucket.server.endpoint)
    const directories = directoriesWith(t, 128 * MIB)
    const settings = { ...bucket.settings, FIXDEPOT_S3_ENDPOINT: gate.url }
    const server = await startServer(t, { ...directories, settings })
    const taskid = await server.export()
    await until('a part is uploaded', async () => (await server.status(taskid)).downloadedsize >= PART)
    gate.shut()
    t.match(await server.stop(), { code: 0 })
    const second = await startServer(t, { ...directories, settings })
    gate.open()
    t.equal((await second.finished(taskid)).state, 'complete')
  })

  t.test('an upload of no export is swept, and a canceled export leaves no upload', async (t) => {
    const bucket = await makeBucket(t)
    const storage = createArchiveBucket(bucket)
    t.teardown(() => storage.close())
    await storage.resume({ name: NAME, token: 1, size: 100, start: 0, signal: new AbortController().signal })
    t.equal((await filesIn(bucket)).length, 1)
    const server = await startServer(t, { ...directoriesWith(t, 128 * MIB), settings: bucket.settings })
    await until('the orphan is swept', async () => (await filesIn(bucket)).length === 0)
    const taskid = await server.export()
    await until('a part is uploaded', async () => (await server.status(taskid)).downloadedsize >= PART)
    t.equal((await server.call(`/tasks/${taskid}`, { method: 'DELETE' })).ok, true)
    await until('no upload remains', async () => (await filesIn(bucket)).length === 0)
  })

  t.test('a missing bucket ends the start with a sentence', async (t) => {
    const bucket = await makeBucket(t)
    const settings = { ...bucket.settings, FIXDEPOT_ARCHIVES_URL: 's3://no-such-bucket/depot' }
    await t.rejects(startServer(t, { ...directoriesWith(t, MIB), settings }), {
      message: /code 1: FIXDEPOT_ARCHIVES_URL cannot be used: .*NoSuchBucket/
    })
  })
})
