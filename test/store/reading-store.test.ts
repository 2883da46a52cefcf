import type { Test } from 'tap'
import type { Depot } from '../../src/store/database.ts'
import type { FileReading } from '../../src/store/reading-store.ts'
import type { SeenFileRow } from '../../src/store/scan-schema.ts'
import { createScanStore } from '../../src/store/scan-store.ts'
import { makeDepot } from '../helpers/depot.ts'
import { testOnBoth } from '../helpers/engines.ts'

const SUFFIXES = ['.xml', '.zip']

const seen = (path: string, stamp = '1'): SeenFileRow => {
  const [, directory = '', stem = '', suffix = ''] = /^(?:(.*)\/)?([^/]*?)(\.\w+)?$/.exec(path) ?? []
  return { path, directory, stem, suffix, size: 10, modified_at: 1, stamp }
}

const reading = (path: string, more: Partial<FileReading> = {}): FileReading => {
  return { path, stamp: '1', crc32: 0xdeadbeef, sha256: 'ab', contents: null, ...more }
}

async function open(t: Test, version = 1) {
  const { db } = await makeDepot(t)
  const store = createScanStore(db, version, SUFFIXES)
  await store.begin()
  return { db, store, readings: store.readings }
}

async function isCurrent(db: Depot): Promise<boolean> {
  return (await db.selectFrom('catalog').select('is_current').executeTakeFirstOrThrow()).is_current === 1
}

const pathsOf = (items: readonly { path: string }[]) => items.map(({ path }) => path)

testOnBoth('what was never read, or has changed since, is unread', async (t) => {
  const { readings } = await open(t)
  await readings.addSeen([seen('new.bin'), seen('same.bin'), seen('changed.bin', '2')])
  await readings.save([reading('same.bin'), reading('changed.bin')])
  t.same(await readings.unreadTotals(), { files: 2, bytes: 20 })
  t.same(await readings.unreadPage('', 10), [
    { path: 'changed.bin', size: 10, stamp: '2' },
    { path: 'new.bin', size: 10, stamp: '1' }
  ])
  await readings.save([reading('changed.bin', { stamp: '2' }), reading('new.bin')])
  t.same(await readings.unreadTotals(), { files: 0, bytes: 0 })
})

testOnBoth('unread files come in pages, by path', async (t) => {
  const { readings } = await open(t)
  await readings.addSeen(['c', 'a/z', 'b', 'a', 'd'].map((path) => seen(path)))
  const first = pathsOf(await readings.unreadPage('', 3))
  t.same(first, ['a', 'a/z', 'b'])
  t.same(pathsOf(await readings.unreadPage('b', 3)), ['c', 'd'])
  t.same(await readings.unreadPage('d', 3), [])
})

testOnBoth('a newer reader of metadata reads metadata again, and nothing else', async (t) => {
  const { db, readings } = await open(t, 1)
  const paths = ['a.xml', 'a.uxz', 'b.zip']
  await readings.save(paths.map((path) => reading(path)))
  const newer = createScanStore(db, 2, SUFFIXES)
  await newer.begin()
  await newer.readings.addSeen(paths.map((path) => seen(path)))
  t.same(pathsOf(await newer.readings.unreadPage('', 10)), ['a.xml', 'b.zip'])
  await newer.readings.save(['a.xml', 'b.zip'].map((path) => reading(path)))
  t.equal((await newer.readings.unreadTotals()).files, 0)
})

testOnBoth('a new reading makes the catalog out of date', async (t) => {
  const { db, store, readings } = await open(t)
  await store.findings.publish(new Date())
  t.equal(await isCurrent(db), true)
  await readings.save([reading('a')])
  t.equal(await isCurrent(db), false)
})

testOnBoth('readings of files that are gone are forgotten, and only then the catalog is out of date', async (t) => {
  const { db, store, readings } = await open(t)
  await readings.addSeen([seen('stays')])
  await readings.save([reading('stays'), reading('gone')])
  await store.findings.publish(new Date())
  await readings.forgetUnseen()
  t.equal(await isCurrent(db), false)
  t.same(pathsOf(await db.selectFrom('file_reading').select('path').execute()), ['stays'])
  await store.findings.publish(new Date())
  await readings.forgetUnseen()
  t.equal(await isCurrent(db), true)
})

testOnBoth('what can no longer be read is forgotten, however much it is', async (t) => {
  const { db, store, readings } = await open(t)
  const paths = Array.from({ length: 1200 }, (_, number) => `file-${number}`)
  await readings.save(paths.map((path) => reading(path)))
  await store.findings.publish(new Date())
  await readings.drop(['never read'])
  t.equal(await isCurrent(db), true)
  await readings.drop(paths.slice(1))
  t.equal(await isCurrent(db), false)
  t.same(pathsOf(await db.selectFrom('file_reading').select('path').execute()), ['file-0'])
})

testOnBoth('files are found by directory and stem, whatever follows it', async (t) => {
  const { readings } = await open(t)
  const paths = ['fix.xml', 'fix.txt', 'fixes.txt', 'sub/fix.txt', 'sub/other.xml', 'unread.xml']
  await readings.addSeen(paths.map((path) => seen(path)))
  await readings.save(paths.slice(0, -1).map((path) => reading(path, { contents: path.endsWith('xml') ? '{}' : null })))
  await readings.indexStems()
  await readings.indexStems()
  const stems = [
    { directory: '', stem: 'fix' },
    { directory: 'sub', stem: 'other' },
    { directory: '', stem: 'unread' }
  ]
  const found = await readings.filesWithStems(stems)
  t.same(
    found.map(({ file, directory, stem, contents }) => [file.path, directory, stem, contents]),
    [
      ['fix.txt', '', 'fix', null],
      ['fix.xml', '', 'fix', '{}'],
      ['sub/other.xml', 'sub', 'other', '{}']
    ]
  )
  t.same(found[0]?.file, { path: 'fix.txt', suffix: '.txt', size: 10, crc32: 0xdeadbeef, sha256: 'ab', modifiedAt: 1 })
})

testOnBoth('a reading of another state of the file counts for nothing', async (t) => {
  const { readings } = await open(t)
  await readings.addSeen([seen('a.xml', '2'), seen('b.xml')])
  await readings.save([reading('a.xml', { contents: '{}' }), reading('b.xml', { contents: '{}' })])
  t.same(
    (await readings.describedPage('', 10)).map(({ file }) => file.path),
    ['b.xml']
  )
  t.same(pathsOf(await readings.filesAt(['a.xml', 'b.xml', 'c.xml'])), ['b.xml'])
  t.same(pathsOf(await readings.unclaimedPage('', 10)), ['b.xml'])
})

testOnBoth('metadata and unclaimed files come in pages', async (t) => {
  const { readings, store } = await open(t)
  const paths = ['a.xml', 'b.bin', 'c.xml', 'd.xml']
  await readings.addSeen(paths.map((path) => seen(path)))
  await readings.save(paths.map((path) => reading(path, { contents: path.endsWith('.xml') ? '{}' : null })))
  const described = async (after: string) => (await readings.describedPage(after, 2)).map(({ file }) => file.path)
  t.same(await described(''), ['a.xml', 'c.xml'])
  t.same(await described('c.xml'), ['d.xml'])
  await store.findings.claim(['b.bin', 'c.xml', 'c.xml'])
  await store.findings.claim(['c.xml'])
  t.same(pathsOf(await readings.unclaimedPage('', 1)), ['a.xml'])
  t.same(pathsOf(await readings.unclaimedPage('a.xml', 2)), ['d.xml'])
  t.same(await store.findings.claimedOf(['a.xml', 'b.bin']), ['b.bin'])
})

testOnBoth('a new scan begins with nothing seen, and keeps what was read', async (t) => {
  const { store, readings } = await open(t)
  await readings.addSeen([seen('a')])
  await readings.save([reading('a')])
  await readings.indexStems()
  await store.begin()
  t.same(pathsOf(await readings.unclaimedPage('', 10)), [])
  await readings.addSeen([seen('a')])
  t.equal((await readings.unreadTotals()).files, 0)
})

testOnBoth('the scratch of one connection is not seen by another', async (t) => {
  const { db, connect } = await makeDepot(t)
  const stores = [db, connect()].map((connection) => createScanStore(connection, 1, SUFFIXES))
  for (const store of stores) await store.begin()
  await stores[0]?.readings.addSeen([seen('a')])
  t.equal((await stores[0]?.readings.unreadTotals())?.files, 1)
  t.equal((await stores[1]?.readings.unreadTotals())?.files, 0)
})
