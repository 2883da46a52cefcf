/** What every storage of a repository has to hold; it runs against each that there is. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import type { RepositoryFiles } from '../../src/core/repository-files.ts'
import type { KnownReading, RepositoryStorage, SeenFile } from '../../src/core/repository-storage.ts'
import { writeFiles } from './depot.ts'
import type { Files } from './packages.ts'

export interface RepositoryUnderTest {
  readonly storage: RepositoryStorage
  /** Opens what `known` says. */
  readonly files: RepositoryFiles
  /** What was read of the files. */
  readonly known: Map<string, KnownReading>
  /** A directory for staged files, on its volume. */
  readonly staging: string
  /** What another program does there. */
  put(files: Files): Promise<void>
  take(path: string): Promise<void>
  /** All that is there by path, hidden files too. */
  contents(): Promise<Record<string, string>>
}

const FILES = { 'a.xml': 'metadata of a', 'sub/a.uxz': 'payload of a', 'sub/deep/b.txt': 'b', 'empty.txt': '' }
const UNSAFE_NAMES = ['', '..', '../a', '/tmp/a', 'a/../../b', 'a\\b', 'a\0b', '\ud800']

const hidden = (name: string) => name.split('/').some((part) => part.startsWith('.'))
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const nothing = new Map<string, KnownReading>()

/** What a walk sees, by path. */
export async function walk(
  storage: RepositoryStorage,
  known: ReadonlyMap<string, KnownReading> = nothing
): Promise<Map<string, SeenFile>> {
  const seen = new Map<string, SeenFile>()
  for await (const portion of storage.walk(async () => known)) {
    for (const sighting of portion) if ('file' in sighting) seen.set(sighting.file.path, sighting.file)
  }
  return seen
}

/** Reads everything, as a scan does; gives back the files of the catalog. */
async function scan({ storage, known, contents }: RepositoryUnderTest) {
  const texts = await contents()
  const files = new Map<string, Parameters<RepositoryFiles['open']>[0]>()
  for (const { path: name, size, modifiedAt, stamp } of (await walk(storage)).values()) {
    known.set(name, { stamp, sha256: sha256(texts[name] ?? '') })
    files.set(name, { path: name, size, modifiedAt, sha256: sha256(texts[name] ?? '') })
  }
  return files
}

async function textOf(files: RepositoryFiles, file: Parameters<RepositoryFiles['open']>[0]): Promise<string> {
  const opened = await files.open(file)
  try {
    const bytes = Buffer.alloc(opened.size)
    for (let filled = 0; filled < bytes.length; ) filled += await opened.readInto(bytes.subarray(filled), filled)
    return bytes.toString()
  } finally {
    await opened.close()
  }
}

const signal = new AbortController().signal

export function runRepositorySuite(t: Test, open: (t: Test) => Promise<RepositoryUnderTest>): void {
  async function opened(t: Test) {
    const place = await open(t)
    await place.put(FILES)
    const visible = async () =>
      Object.fromEntries(Object.entries(await place.contents()).filter(([name]) => !hidden(name)))
    const leftovers = async () => Object.keys(await place.contents()).filter(hidden)
    return { ...place, visible, leftovers }
  }

  t.test('a walk sees all files with their places and sizes, and nothing that is hidden', async (t) => {
    const { storage, put } = await opened(t)
    await put({ '.hidden': 'x', 'sub/.hidden/file': 'x' })
    const seen = await walk(storage)
    t.same([...seen.keys()].sort(), Object.keys(FILES).sort())
    t.match(seen.get('sub/deep/b.txt'), { directory: 'sub/deep', name: 'b.txt', size: 1 })
    t.match(seen.get('a.xml'), { directory: '', name: 'a.xml', size: 13 })
    for (const { modifiedAt } of seen.values()) t.ok(Math.abs(modifiedAt - Date.now() / 1000) < 60)
  })

  t.test('a file that stays as it is keeps its stamp, and another one in its place has another', async (t) => {
    const place = await opened(t)
    const before = await walk(place.storage)
    await scan(place)
    t.same(await walk(place.storage, place.known), before)
    await place.put({ 'sub/a.uxz': 'payload of b' })
    const after = await walk(place.storage, place.known)
    t.not(after.get('sub/a.uxz')?.stamp, before.get('sub/a.uxz')?.stamp)
    t.equal(after.get('a.xml')?.stamp, before.get('a.xml')?.stamp)
  })

  t.test('a file is opened as the catalog knows it, and read from any position', async (t) => {
    const place = await opened(t)
    const catalog = await scan(place)
    const file = await place.files.open(catalog.get('sub/a.uxz') as never)
    t.match(file, { name: 'a.uxz', size: 12, digest: sha256(FILES['sub/a.uxz']) })
    t.equal(Math.floor(file.modifiedAt.getTime() / 1000), catalog.get('sub/a.uxz')?.modifiedAt)
    const part = async (position: number, length: number, end?: number) => {
      const buffer = Buffer.alloc(length)
      return buffer.toString('utf8', 0, await file.readInto(buffer, position, end))
    }
    t.equal(await part(0, 100), 'payload of a')
    t.equal(await part(8, 2, 9), 'of')
    t.equal(await part(3, 4), 'load')
    t.equal(await part(12, 1), '')
    await file.close()
    t.equal(await textOf(place.files, catalog.get('empty.txt') as never), '')
  })

  t.test('a file that was replaced, or removed, is not taken for the one that the catalog knows', async (t) => {
    const place = await opened(t)
    const catalog = await scan(place)
    await place.put({ 'sub/a.uxz': 'another payload' })
    await place.take('a.xml')
    await t.rejects(textOf(place.files, catalog.get('sub/a.uxz') as never), { name: 'Problem', code: 'FILE_CHANGED' })
    await t.rejects(textOf(place.files, catalog.get('a.xml') as never), { name: 'Problem', code: 'FILE_GONE' })
    t.equal(await textOf(place.files, catalog.get('sub/deep/b.txt') as never), 'b')
  })

  t.test('it tells what is at a path', async (t) => {
    const { storage } = await opened(t)
    const found = await storage.look(['a.xml', 'sub', 'sub/deep', 'absent', 'sub/a', 'sub/a.uxz'])
    t.same(Object.fromEntries(found), {
      'a.xml': 'file',
      sub: 'directory',
      'sub/deep': 'directory',
      'sub/a.uxz': 'file'
    })
    t.same(await storage.look([]), new Map())
  })

  t.test('a file is copied out of it, and none in the place of another', async (t) => {
    const { storage, staging } = await opened(t)
    const target = path.join(staging, 'made/copy.xml')
    t.equal(await storage.copyTo('a.xml', target), true)
    t.equal(fs.readFileSync(target, 'utf8'), FILES['a.xml'])
    await t.rejects(storage.copyTo('a.xml', target), { code: 'EEXIST' })
    t.equal(await storage.copyTo('absent', path.join(staging, 'other')), false)
    t.equal(fs.existsSync(path.join(staging, 'other')), false)
  })

  t.test('what is put aside is not seen any more, and goes or comes back', async (t) => {
    const { storage, visible, leftovers } = await opened(t)
    const first = await storage.putAside(['sub/a.uxz', 'absent'])
    t.same([...(await walk(storage)).keys()].sort(), ['a.xml', 'empty.txt', 'sub/deep/b.txt'])
    await first.restore()
    t.same(await visible(), FILES)
    t.equal((await walk(storage)).size, 4)
    const second = await storage.putAside(['sub/a.uxz', 'absent'])
    await second.remove()
    const { 'sub/a.uxz': _, ...rest } = FILES
    t.same(await visible(), rest)
    t.same(await leftovers(), [])
  })

  t.test('what a crash has left of a deletion goes, unless the catalog still has it', async (t) => {
    const { storage, visible, leftovers } = await opened(t)
    await storage.putAside(['sub/a.uxz', 'sub/deep/b.txt'])
    await storage.recover(async (paths) => new Set(paths.filter((name) => name === 'sub/deep/b.txt')))
    const { 'sub/a.uxz': _, ...rest } = FILES
    t.same(await visible(), rest)
    t.same([...(await walk(storage)).keys()].sort(), Object.keys(rest).sort())
    t.same(await leftovers(), [])
  })

  const CHANGES = [
    { path: 'sub/deep/b.txt', staged: undefined },
    { path: 'new/c.uxz', staged: 'c.uxz' },
    { path: 'sub/a.uxz', staged: 'in/a.uxz' }
  ]
  const STAGED = { 'c.uxz': 'payload of c', 'in/a.uxz': 'newer payload of a' }
  const CHANGED = {
    'a.xml': FILES['a.xml'],
    'empty.txt': '',
    'new/c.uxz': 'payload of c',
    'sub/a.uxz': 'newer payload of a'
  }

  t.test('the changes of an import are made, with the times of the staged files, and stay', async (t) => {
    const { storage, staging, visible, leftovers } = await opened(t)
    writeFiles(staging, STAGED)
    fs.utimesSync(path.join(staging, 'c.uxz'), 1_600_000_000, 1_600_000_000)
    const changed = await storage.change(staging, CHANGES, signal)
    const seen = await walk(storage)
    t.same([...seen.keys()].sort(), Object.keys(CHANGED))
    t.equal(seen.get('new/c.uxz')?.modifiedAt, 1_600_000_000)
    for (const [name, stamp] of changed.stamps ?? []) t.equal(seen.get(name)?.stamp, stamp)
    await changed.remove()
    t.same(await visible(), CHANGED)
    t.same(await leftovers(), [])
  })

  t.test('the changes of an import can be taken back', async (t) => {
    const { storage, staging, visible, leftovers } = await opened(t)
    writeFiles(staging, STAGED)
    const changed = await storage.change(staging, CHANGES, signal)
    await changed.restore()
    t.same(await visible(), FILES)
    t.equal((await walk(storage)).size, 4)
    t.same(await leftovers(), [])
  })

  t.test('changes that cannot all be made are not made at all', async (t) => {
    const { storage, staging, visible, leftovers } = await opened(t)
    writeFiles(staging, STAGED)
    const wrong = [...CHANGES, { path: '../outside', staged: 'c.uxz' }]
    await t.rejects(storage.change(staging, wrong, signal), { name: 'UnsafePathError' })
    t.same(await visible(), FILES)
    t.same(await leftovers(), [])
  })

  t.test('changes that were made before a crash are made again, or passed over', async (t) => {
    const { storage, staging, visible, leftovers } = await opened(t)
    writeFiles(staging, STAGED)
    await storage.change(staging, CHANGES, signal)
    await storage.recover(async () => new Set(Object.keys(CHANGED)))
    const again = await storage.change(staging, CHANGES, signal)
    await again.remove()
    t.same(await visible(), CHANGED)
    t.same(await leftovers(), [])
  })

  t.test('names that are not safe are refused before anything is touched', async (t) => {
    const { storage, staging, visible } = await opened(t)
    for (const name of UNSAFE_NAMES) {
      await t.rejects(storage.look([name]), { name: 'UnsafePathError' }, `look ${JSON.stringify(name)}`)
      await t.rejects(storage.copyTo(name, path.join(staging, 'x')), { name: 'UnsafePathError' })
      await t.rejects(storage.putAside([name]), { name: 'UnsafePathError' })
    }
    t.same(await visible(), FILES)
  })

  t.test('there is room, and it works', async (t) => {
    const { storage } = await opened(t)
    const { freeBytes, totalBytes } = await storage.size()
    t.ok(freeBytes > 0 && totalBytes >= freeBytes)
    await storage.check()
  })
}
