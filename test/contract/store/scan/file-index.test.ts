import type { Test } from 'tap'
import type { Database } from '../../../../src/store/engine/database.ts'
import type { IndexedFile } from '../../../../src/store/scan/file-index.ts'
import type { WalkedFileRow } from '../../../../src/store/scan/scan-schema.ts'
import { createScanStore } from '../../../../src/store/scan/scan-store.ts'
import { makeDepot } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

const SUFFIXES = ['.xml', '.zip']

const walked = (path: string, stamp = '1'): WalkedFileRow => {
  const [, directory = '', stem = '', suffix = ''] = /^(?:(.*)\/)?([^/]*?)(\.\w+)?$/.exec(path) ?? []
  return { path, directory, stem, suffix, size: 10, modified_at: 1, stamp }
}

const indexed = (path: string, more: Partial<IndexedFile> = {}): IndexedFile => {
  return { path, stamp: '1', crc32: 0xdeadbeef, sha256: 'ab', contents: null, ...more }
}

async function open(t: Test, version = 1) {
  const { db } = await makeDepot(t)
  const store = createScanStore(db, version, SUFFIXES)
  await store.begin()
  return { db, store, index: store.fileIndex }
}

async function isCurrent(db: Database): Promise<boolean> {
  return (await db.selectFrom('catalog').select('is_current').executeTakeFirstOrThrow()).is_current === 1
}

const pathsOf = (items: readonly { path: string }[]) => items.map(({ path }) => path)

testOnBoth('a file that is new or has changed is unread', async (t) => {
  const { index } = await open(t)
  await index.addWalked([walked('new.bin'), walked('same.bin'), walked('changed.bin', '2')])
  await index.save([indexed('same.bin'), indexed('changed.bin')])
  t.same(await index.unreadTotals(), { files: 2, bytes: 20 })
  t.same(await index.unreadPage('', 10), [
    { path: 'changed.bin', size: 10, stamp: '2' },
    { path: 'new.bin', size: 10, stamp: '1' }
  ])
  await index.save([indexed('changed.bin', { stamp: '2' }), indexed('new.bin')])
  t.same(await index.unreadTotals(), { files: 0, bytes: 0 })
})

testOnBoth('unread files are listed in pages, by path', async (t) => {
  const { index } = await open(t)
  await index.addWalked(['c', 'a/z', 'b', 'a', 'd'].map((path) => walked(path)))
  const first = pathsOf(await index.unreadPage('', 3))
  t.same(first, ['a', 'a/z', 'b'])
  t.same(pathsOf(await index.unreadPage('b', 3)), ['c', 'd'])
  t.same(await index.unreadPage('d', 3), [])
})

testOnBoth('a newer metadata reader reads only metadata files again', async (t) => {
  const { db, index } = await open(t, 1)
  const paths = ['a.xml', 'a.uxz', 'b.zip']
  await index.save(paths.map((path) => indexed(path)))
  const newer = createScanStore(db, 2, SUFFIXES)
  await newer.begin()
  await newer.fileIndex.addWalked(paths.map((path) => walked(path)))
  t.same(pathsOf(await newer.fileIndex.unreadPage('', 10)), ['a.xml', 'b.zip'])
  await newer.fileIndex.save(['a.xml', 'b.zip'].map((path) => indexed(path)))
  t.equal((await newer.fileIndex.unreadTotals()).files, 0)
})

testOnBoth('a newly indexed file makes the catalog outdated', async (t) => {
  const { db, store, index } = await open(t)
  await store.draft.publish(new Date())
  t.equal(await isCurrent(db), true)
  await index.save([indexed('a')])
  t.equal(await isCurrent(db), false)
})

testOnBoth('missing files are deleted from the index, and only then the catalog is outdated', async (t) => {
  const { db, store, index } = await open(t)
  await index.addWalked([walked('stays')])
  await index.save([indexed('stays'), indexed('gone')])
  await store.draft.publish(new Date())
  await index.forgetMissing()
  t.equal(await isCurrent(db), false)
  t.same(pathsOf(await db.selectFrom('file_index').select('path').execute()), ['stays'])
  await store.draft.publish(new Date())
  await index.forgetMissing()
  t.equal(await isCurrent(db), true)
})

testOnBoth('unreadable files are deleted from the index, in any number', async (t) => {
  const { db, store, index } = await open(t)
  const paths = Array.from({ length: 1200 }, (_, number) => `file-${number}`)
  await index.save(paths.map((path) => indexed(path)))
  await store.draft.publish(new Date())
  await index.drop(['never read'])
  t.equal(await isCurrent(db), true)
  await index.drop(paths.slice(1))
  t.equal(await isCurrent(db), false)
  t.same(pathsOf(await db.selectFrom('file_index').select('path').execute()), ['file-0'])
})

testOnBoth('files are found by directory and stem, with any suffix', async (t) => {
  const { index } = await open(t)
  const paths = ['fix.xml', 'fix.txt', 'fixes.txt', 'sub/fix.txt', 'sub/other.xml', 'unread.xml']
  await index.addWalked(paths.map((path) => walked(path)))
  await index.save(paths.slice(0, -1).map((path) => indexed(path, { contents: path.endsWith('xml') ? '{}' : null })))
  await index.indexStems()
  await index.indexStems()
  const stems = [
    { directory: '', stem: 'fix' },
    { directory: 'sub', stem: 'other' },
    { directory: '', stem: 'unread' }
  ]
  const found = await index.filesWithStems(stems)
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

testOnBoth('an index entry of another stamp is ignored', async (t) => {
  const { index } = await open(t)
  await index.addWalked([walked('a.xml', '2'), walked('b.xml')])
  await index.save([indexed('a.xml', { contents: '{}' }), indexed('b.xml', { contents: '{}' })])
  t.same(
    (await index.describedPage('', 10)).map(({ file }) => file.path),
    ['b.xml']
  )
  t.same(pathsOf(await index.filesAt(['a.xml', 'b.xml', 'c.xml'])), ['b.xml'])
  t.same(pathsOf(await index.unclaimedPage('', 10)), ['b.xml'])
})

testOnBoth('metadata files and unclaimed files are listed in pages', async (t) => {
  const { index, store } = await open(t)
  const paths = ['a.xml', 'b.bin', 'c.xml', 'd.xml']
  await index.addWalked(paths.map((path) => walked(path)))
  await index.save(paths.map((path) => indexed(path, { contents: path.endsWith('.xml') ? '{}' : null })))
  const described = async (after: string) => (await index.describedPage(after, 2)).map(({ file }) => file.path)
  t.same(await described(''), ['a.xml', 'c.xml'])
  t.same(await described('c.xml'), ['d.xml'])
  await store.draft.claim(['b.bin', 'c.xml', 'c.xml'])
  await store.draft.claim(['c.xml'])
  t.same(pathsOf(await index.unclaimedPage('', 1)), ['a.xml'])
  t.same(pathsOf(await index.unclaimedPage('a.xml', 2)), ['d.xml'])
  t.same(await store.draft.claimedOf(['a.xml', 'b.bin']), ['b.bin'])
})

testOnBoth('a new scan begins without walked files, and keeps the file index', async (t) => {
  const { store, index } = await open(t)
  await index.addWalked([walked('a')])
  await index.save([indexed('a')])
  await index.indexStems()
  await store.begin()
  t.same(pathsOf(await index.unclaimedPage('', 10)), [])
  await index.addWalked([walked('a')])
  t.equal((await index.unreadTotals()).files, 0)
})

testOnBoth('the temporary tables of one connection are not visible to another', async (t) => {
  const { db, connect } = await makeDepot(t)
  const stores = [db, connect()].map((connection) => createScanStore(connection, 1, SUFFIXES))
  for (const store of stores) await store.begin()
  await stores[0]?.fileIndex.addWalked([walked('a')])
  t.equal((await stores[0]?.fileIndex.unreadTotals())?.files, 1)
  t.equal((await stores[1]?.fileIndex.unreadTotals())?.files, 0)
})
