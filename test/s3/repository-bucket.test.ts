import path from 'node:path'
import t, { type Test } from 'tap'
import type { KnownReading } from '../../src/core/repository-storage.ts'
import { createRepositoryBucket } from '../../src/s3/repository-bucket.ts'
import { createRepositoryObjectFiles } from '../../src/s3/repository-files.ts'
import { openRepositoryObjects } from '../../src/s3/repository-objects.ts'
import type { Files } from '../helpers/packages.ts'
import { runRepositorySuite, walk } from '../helpers/repository-storage-suite.ts'
import { makeBucket, s3Of, withoutS3 } from '../helpers/s3-server.ts'

const KEY_PREFIX = 'depot/'
const signal = new AbortController().signal

async function open(t: Test) {
  const bucket = await makeBucket(t)
  const s3 = await s3Of(t, bucket)
  const storage = createRepositoryBucket(bucket)
  const objects = openRepositoryObjects(bucket)
  t.teardown(() => {
    storage.close()
    objects.close()
  })
  const known = new Map<string, KnownReading>()
  const Bucket = bucket.bucket
  return {
    bucket,
    s3,
    storage,
    known,
    files: createRepositoryObjectFiles(objects, async () => known),
    staging: path.join(t.testdir({ staging: {} }), 'staging'),
    async put(files: Files, Metadata: Record<string, string> = {}) {
      for (const [name, Body] of Object.entries(files)) {
        await s3.putObject({ Bucket, Key: KEY_PREFIX + name, Body, Metadata })
      }
    },
    take: async (name: string) => void (await s3.deleteObject({ Bucket, Key: KEY_PREFIX + name })),
    async contents() {
      const { Contents = [] } = await s3.listObjectsV2({ Bucket, Prefix: KEY_PREFIX })
      const texts: Record<string, string> = {}
      for (const { Key = '' } of Contents) {
        const { Body } = await s3.getObject({ Bucket, Key })
        texts[Key.slice(KEY_PREFIX.length)] = (await Body?.transformToString('latin1')) ?? ''
      }
      return texts
    }
  }
}

t.test('a bucket keeps what every storage of a repository has to', { skip: withoutS3 }, async (t) => {
  runRepositorySuite(t, open)
})

t.test('in a bucket', { skip: withoutS3 }, async (t) => {
  t.test('the time of a file is the one that was written beside it, or when it was put there', async (t) => {
    const { storage, put } = await open(t)
    await put({ 'rclone.bin': 'x' }, { mtime: '1600000000.987654321' })
    await put({ 'old.bin': 'x' }, { mtime: '-1.5' })
    await put({ 'odd.bin': 'x' }, { mtime: 'yesterday' })
    await put({ 'synced.bin': 'x' })
    const seen = await walk(storage)
    t.equal(seen.get('rclone.bin')?.modifiedAt, 1_600_000_000)
    t.equal(seen.get('old.bin')?.modifiedAt, -2)
    for (const name of ['odd.bin', 'synced.bin']) {
      t.ok(Math.abs((seen.get(name)?.modifiedAt ?? 0) - Date.now() / 1000) < 60, name)
    }
  })

  t.test('what is known is not asked for again', async (t) => {
    const { storage, put, known, bucket, s3 } = await open(t)
    await put({ 'a.bin': 'x' }, { mtime: '1600000000' })
    const stamp = (await walk(storage)).get('a.bin')?.stamp ?? ''
    known.set('a.bin', { stamp, sha256: '' })
    // The same content, of another time that only a question would tell.
    await s3.putObject({ Bucket: bucket.bucket, Key: 'depot/a.bin', Body: 'x', Metadata: { mtime: '1700000000' } })
    t.equal((await walk(storage, known)).get('a.bin')?.modifiedAt, 1_600_000_000)
    t.equal((await walk(storage)).get('a.bin')?.modifiedAt, 1_700_000_000)
  })

  t.test(
    'more objects than one list has are all seen, and names that no system is trusted with are told',
    async (t) => {
      const { storage, put } = await open(t)
      await put(Object.fromEntries(Array.from({ length: 1_050 }, (_, number) => [`${number}.txt`, 'x'])))
      await put({ 'a//b.txt': 'x', '../up.txt': 'x', 'back\\slash.txt': 'x', 'folder/': '' })
      t.equal((await walk(storage)).size, 1_050)
      const problems: string[] = []
      for await (const portion of storage.walk(async () => new Map())) {
        for (const sighting of portion) if ('problem' in sighting) problems.push(sighting.problem.path)
      }
      t.same(problems.sort(), ['../up.txt', 'a//b.txt', 'back\\slash.txt'])
    }
  )

  t.test('a large file is put there whole, in parts', async (t) => {
    const { storage, staging, s3, bucket } = await open(t)
    const content = Buffer.alloc(20_000_001, 'content')
    const { writeFileSync } = await import('node:fs')
    writeFileSync(path.join(staging, 'large.bin'), content)
    const changed = await storage.change(staging, [{ path: 'large.bin', staged: 'large.bin' }], signal)
    const { Body, ETag } = await s3.getObject({ Bucket: bucket.bucket, Key: 'depot/large.bin' })
    t.ok(Buffer.from((await Body?.transformToByteArray()) ?? []).equals(content))
    t.match(ETag, /-3"$/)
    t.equal((await walk(storage)).get('large.bin')?.stamp, changed.stamps?.get('large.bin'))
    await changed.remove()
  })

  t.test('what comes after a deletion under the same name is none of what is deleted', async (t) => {
    const { storage, put, bucket, s3, contents } = await open(t)
    await put({ 'a.bin': 'old', 'b.bin': 'old' })
    await storage.putAside(['a.bin', 'b.bin'])
    // The times of objects are told in whole seconds.
    const wait = new Date(Date.now() + 1_100)
    while (new Date() < wait) await s3.headObject({ Bucket: bucket.bucket, Key: 'depot/b.bin' })
    await put({ 'a.bin': 'new' })
    t.same([...(await walk(storage)).keys()], ['a.bin'])
    await storage.recover(async () => new Set())
    t.same(await contents(), { 'a.bin': 'new' })
  })

  t.test('storage that refuses, or does not answer, is told in a sentence about the repository', async (t) => {
    const { bucket } = await open(t)
    const absent = createRepositoryBucket({ ...bucket, bucket: 'absent-bucket' })
    await t.rejects(absent.check(), {
      name: 'StorageTrouble',
      message: 'The storage of the repository refuses the request: NoSuchBucket.'
    })
    absent.close()
    const away = createRepositoryBucket({ ...bucket, endpoint: 'http://127.0.0.1:1' })
    await t.rejects(away.check(), {
      isPassing: true,
      message: 'The storage of the repository does not answer as it should: ECONNREFUSED.'
    })
    away.close()
  })
})
