import t, { type Test } from 'tap'
import { PartsLost } from '../../../../src/core/problems/storage-error.ts'
import { createArchiveBucket } from '../../../../src/storage/s3/archive-bucket.ts'
import {
  claimOf,
  contentOf,
  leaveAt,
  make,
  NAME,
  read,
  runStorageSuite,
  write
} from '../../../support/archive-storage-suite.ts'
import { lockUpload, makeBucket, s3Of, type TestBucket, withoutS3 } from '../../../support/servers/s3-server.ts'

const PART = 8 * 2 ** 20
const SIZE = 2 * PART + 12_345

async function open(t: Test) {
  const bucket = await makeBucket(t)
  const storage = createArchiveBucket(bucket)
  t.teardown(() => storage.close())
  return { bucket, storage, size: SIZE, step: PART }
}

t.test('a bucket fulfils the contract of a storage of archives', { skip: withoutS3 }, async (t) => {
  runStorageSuite(t, open)
})

const idOf = async (t: Test, bucket: TestBucket) => {
  const { Uploads = [] } = await (await s3Of(t, bucket)).listMultipartUploads({ Bucket: bucket.bucket })
  return Uploads[0]?.UploadId ?? ''
}

t.test('an upload whose gateway dies while it completes it', { skip: withoutS3 }, async (t) => {
  const { server } = await makeBucket(t)
  if (server.configurationFile === undefined) return t.pass('a lock', { skip: 'only Ceph leaves one' })
  const content = contentOf(SIZE)
  async function openLocked(t: Test, { seconds, patienceMs }: { seconds: number; patienceMs: number }) {
    const bucket = await makeBucket(t)
    const storage = createArchiveBucket(bucket, { completionPatienceMs: patienceMs })
    t.teardown(() => storage.close())
    const archive = await storage.resume(claimOf(SIZE))
    await write(archive, content)
    lockUpload(bucket, await idOf(t, bucket), seconds)
    return { bucket, storage, archive }
  }

  t.test('is completed when the storage is ready soon', async (t) => {
    const { storage, archive } = await openLocked(t, { seconds: 1, patienceMs: 60_000 })
    await archive.publish()
    t.ok((await read(storage))?.equals(content))
    t.match(await storage.ownFiles(), { length: 1 })
  })

  t.test(
    'is replaced by another upload when it stays busy, and kept while the archive may need its parts',
    async (t) => {
      const { storage, archive } = await openLocked(t, { seconds: 600, patienceMs: 100 })
      await t.rejects(archive.publish(), PartsLost)
      // Runs under the same lease, and under the next one.
      for (const token of [1, 2]) {
        const next = await storage.resume(claimOf(SIZE, { token }))
        t.match(next, { size: 0, isPublished: false })
        await write(next, content)
        if (token === 1) await next.keep()
        else await next.publish()
      }
      t.ok((await read(storage))?.equals(content))
      const parts = async () => (await storage.ownFiles()).filter(({ token }) => token !== undefined)
      const [left] = await parts()
      t.match(await parts(), { length: 1 })
      await storage.remove(left?.fileName ?? '')
      t.match(await parts(), { length: 1 }, 'it stays with the archive')
      await storage.remove(NAME)
      await storage.remove(left?.fileName ?? '')
      t.same(await storage.ownFiles(), [], 'and goes when that has gone')
    }
  )

  t.test('is left alone when the archive exists already', async (t) => {
    const { bucket, storage, archive } = await openLocked(t, { seconds: 600, patienceMs: 60_000 })
    await (await s3Of(t, bucket)).putObject({ Bucket: bucket.bucket, Key: `depot/${NAME}`, Body: content })
    await archive.publish()
    for (const start of [PART, 0]) {
      const next = await storage.resume(claimOf(SIZE, { token: 2, start }))
      t.ok(next.isPublished)
      await next.publish()
    }
    // Of a lease that was lost meanwhile.
    await archive.discard()
    t.match(await storage.ownFiles(), { length: 2 })
    t.ok((await read(storage))?.equals(content))
  })
})

t.test('in a bucket', { skip: withoutS3 }, async (t) => {
  t.test('parts are equal for all leases: a worker that has lost its lease does not affect the next one', async (t) => {
    const { storage } = await open(t)
    const content = contentOf(SIZE)
    await leaveAt(storage, content, PART, 1)
    const former = await storage.resume(claimOf(SIZE, { token: 2, start: PART }))
    const latter = await storage.resume(claimOf(SIZE, { token: 3, start: PART }))
    await Promise.all([write(former, content), write(latter, content)])
    await Promise.all([former.publish(), latter.publish()])
    t.ok((await read(storage))?.equals(content))
    t.equal((await storage.ownFiles()).length, 1)
  })

  t.test('an aborted upload is reported as lost', async (t) => {
    const { storage } = await open(t)
    const archive = await storage.resume(claimOf(SIZE))
    await storage.removeParts(NAME)
    await t.rejects(write(archive, contentOf(SIZE)), PartsLost)
    await archive.discard()
  })

  t.test('objects under other prefixes, or with other names, are left alone', async (t) => {
    const { storage, bucket } = await open(t)
    const s3 = await s3Of(t, bucket)
    for (const key of [NAME, `other/${NAME}`, `depot/notes.txt`, `depot/${NAME}.1.part`, `depot/deep/${NAME}`]) {
      await s3.putObject({ Bucket: bucket.bucket, Key: key, Body: 'x' })
    }
    await s3.createMultipartUpload({ Bucket: bucket.bucket, Key: `other/${NAME}` })
    t.same(await storage.ownFiles(), [])
    await make(storage, Buffer.from('whole'))
    t.equal((await storage.ownFiles()).length, 1)
  })

  t.test('uploads are listed as parts, and each can be removed', async (t) => {
    const { storage } = await open(t)
    await storage.resume(claimOf(SIZE))
    await storage.resume(claimOf(SIZE))
    const files = await storage.ownFiles()
    t.match(files, [
      { archiveName: NAME, token: 0 },
      { archiveName: NAME, token: 0 }
    ])
    await storage.remove(files[0]?.fileName ?? '')
    t.match(await storage.ownFiles(), [files[1]])
  })

  t.test('an archive that is replaced while it is read is not mixed with its replacement', async (t) => {
    const { storage, bucket } = await open(t)
    await make(storage, contentOf(SIZE))
    const archive = await storage.open(NAME, 'digest')
    const s3 = await s3Of(t, bucket)
    await s3.putObject({ Bucket: bucket.bucket, Key: `depot/${NAME}`, Body: Buffer.alloc(SIZE) })
    await t.rejects(async () => archive?.readInto(Buffer.alloc(10), 5), { name: 'StorageError', isTransient: false })
    await archive?.close()
  })

  t.test('a missing bucket, and wrong keys, are refused with a sentence without secrets', async (t) => {
    const { bucket } = await open(t)
    const absent = createArchiveBucket({ ...bucket, bucket: 'absent-bucket' })
    const sentence = 'The storage of archives refuses the request: NoSuchBucket.'
    await t.rejects(absent.check(), { name: 'StorageError', isTransient: false, message: sentence })
    await t.rejects(absent.resume(claimOf(SIZE)), { message: sentence })
    absent.close()
    const { AWS_SECRET_ACCESS_KEY: key } = process.env
    process.env.AWS_SECRET_ACCESS_KEY = 'a wrong secret'
    const unknown = createArchiveBucket(bucket)
    const error = await unknown.check().catch((thrown) => thrown)
    process.env.AWS_SECRET_ACCESS_KEY = key
    unknown.close()
    t.match(error, {
      name: 'StorageError',
      isTransient: false,
      message: /refuses the request: (SignatureDoesNotMatch|AccessDenied)\.$/
    })
    t.notMatch(JSON.stringify(error) + error.stack, /wrong secret|Signature=/)
  })

  t.test('storage that does not answer is a transient error', async (t) => {
    const storage = createArchiveBucket({ ...(await makeBucket(t)), endpoint: 'http://127.0.0.1:1' })
    await t.rejects(storage.open(NAME, 'digest'), {
      name: 'StorageError',
      isTransient: true,
      message: 'The storage of archives does not answer as it should: ECONNREFUSED.'
    })
    storage.close()
  })
})
