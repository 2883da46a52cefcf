import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import type { RepositoryFiles } from '../../../../src/core/catalog/catalog.ts'
import {
  createRepositoryDirectory,
  type RepositoryDirectory
} from '../../../../src/storage/disk/repository-directory.ts'
import { createRepositoryFiles } from '../../../../src/storage/disk/repository-files.ts'
import type { WalkedFile } from '../../../../src/storage/disk/walk-repository.ts'
import { contentsOf, writeFiles } from '../../../support/depot.ts'
import type { Files } from '../../../support/packages.ts'

const FILES = { 'a.xml': 'metadata of a', 'sub/a.uxz': 'payload of a', 'sub/deep/b.txt': 'b', 'empty.txt': '' }
const UNSAFE_NAMES = ['', '..', '../a', '/tmp/a', 'a/../../b', 'a\\b', 'a\0b', '\ud800']

const hidden = (name: string) => name.split('/').some((part) => part.startsWith('.'))
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** The result of a walk, by path. */
function walk(repository: RepositoryDirectory): Map<string, WalkedFile> {
  const seen = new Map<string, WalkedFile>()
  for (const portion of repository.walk()) {
    for (const entry of portion) if ('file' in entry) seen.set(entry.file.path, entry.file)
  }
  return seen
}

function opened(t: Test) {
  const root = t.testdir({ repository: {}, staging: {} })
  const directory = path.join(root, 'repository')
  const repository = createRepositoryDirectory(directory)
  const put = (files: Files) => writeFiles(directory, files)
  put(FILES)
  const contents = () => contentsOf(directory)
  return {
    repository,
    files: createRepositoryFiles(directory),
    staging: path.join(root, 'staging'),
    put,
    take: (name: string) => fs.rmSync(path.join(directory, name)),
    visible: () => Object.fromEntries(Object.entries(contents()).filter(([name]) => !hidden(name))),
    leftovers: () => Object.keys(contents()).filter(hidden),
    /** The files as a scan would save them in the catalog. */
    catalog() {
      const texts = contents()
      const files = new Map<string, Parameters<RepositoryFiles['open']>[0]>()
      for (const { path: name, size, modifiedAt } of walk(repository).values())
        files.set(name, { path: name, size, modifiedAt, sha256: sha256(texts[name] ?? '') })
      return files
    }
  }
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

t.test('a walk returns all files with their paths and sizes, and no hidden ones', async (t) => {
  const { repository, put } = opened(t)
  put({ '.hidden': 'x', 'sub/.hidden/file': 'x' })
  const seen = walk(repository)
  t.same([...seen.keys()].sort(), Object.keys(FILES).sort())
  t.match(seen.get('sub/deep/b.txt'), { directory: 'sub/deep', name: 'b.txt', size: 1 })
  t.match(seen.get('a.xml'), { directory: '', name: 'a.xml', size: 13 })
  for (const { modifiedAt } of seen.values()) t.ok(Math.abs(modifiedAt - Date.now() / 1000) < 60)
})

t.test('an unchanged file keeps its stamp, and a replaced one has another', async (t) => {
  const prepared = opened(t)
  const before = walk(prepared.repository)
  t.same(walk(prepared.repository), before)
  prepared.put({ 'sub/a.uxz': 'payload of b' })
  const after = walk(prepared.repository)
  t.not(after.get('sub/a.uxz')?.stamp, before.get('sub/a.uxz')?.stamp)
  t.equal(after.get('a.xml')?.stamp, before.get('a.xml')?.stamp)
})

t.test('a file of the catalog is opened, and read from any position', async (t) => {
  const prepared = opened(t)
  const catalog = prepared.catalog()
  const file = await prepared.files.open(catalog.get('sub/a.uxz') as never)
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
  t.equal(await textOf(prepared.files, catalog.get('empty.txt') as never), '')
})

t.test('a replaced or removed file is not accepted as the file of the catalog', async (t) => {
  const prepared = opened(t)
  const catalog = prepared.catalog()
  prepared.put({ 'sub/a.uxz': 'another payload' })
  prepared.take('a.xml')
  await t.rejects(textOf(prepared.files, catalog.get('sub/a.uxz') as never), { name: 'Problem', code: 'FILE_CHANGED' })
  await t.rejects(textOf(prepared.files, catalog.get('a.xml') as never), { name: 'Problem', code: 'FILE_GONE' })
  t.equal(await textOf(prepared.files, catalog.get('sub/deep/b.txt') as never), 'b')
})

t.test('the kind of a path is file, directory or nothing', async (t) => {
  const { repository } = opened(t)
  const found = repository.kindsOf(['a.xml', 'sub', 'sub/deep', 'absent', 'sub/a', 'sub/a.uxz'])
  t.same(Object.fromEntries(found), {
    'a.xml': 'file',
    sub: 'directory',
    'sub/deep': 'directory',
    'sub/a.uxz': 'file'
  })
  t.same(repository.kindsOf([]), new Map())
})

t.test('a file is copied out of it, and never over another file', async (t) => {
  const { repository, staging } = opened(t)
  const target = path.join(staging, 'made/copy.xml')
  t.equal(repository.copyTo('a.xml', target), true)
  t.equal(fs.readFileSync(target, 'utf8'), FILES['a.xml'])
  t.throws(() => repository.copyTo('a.xml', target), { code: 'EEXIST' })
  t.equal(repository.copyTo('absent', path.join(staging, 'other')), false)
  t.equal(fs.existsSync(path.join(staging, 'other')), false)
})

t.test('staged files are not visible any more, and are removed or restored', async (t) => {
  const { repository, visible, leftovers } = opened(t)
  const first = repository.stageDeletion(['sub/a.uxz', 'absent'])
  t.same([...walk(repository).keys()].sort(), ['a.xml', 'empty.txt', 'sub/deep/b.txt'])
  first.rollback()
  t.same(visible(), FILES)
  t.equal(walk(repository).size, 4)
  const second = repository.stageDeletion(['sub/a.uxz', 'absent'])
  second.commit()
  const { 'sub/a.uxz': _, ...rest } = FILES
  t.same(visible(), rest)
  t.same(leftovers(), [])
})

t.test('files of a deletion that crashed are removed, unless the catalog still contains them', async (t) => {
  const { repository, visible, leftovers } = opened(t)
  repository.stageDeletion(['sub/a.uxz', 'sub/deep/b.txt'])
  await repository.recover(async (paths) => new Set(paths.filter((name) => name === 'sub/deep/b.txt')))
  const { 'sub/a.uxz': _, ...rest } = FILES
  t.same(visible(), rest)
  t.same([...walk(repository).keys()].sort(), Object.keys(rest).sort())
  t.same(leftovers(), [])
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

t.test('the changes of an import are made permanently, with the times of the staged files', async (t) => {
  const { repository, staging, visible, leftovers } = opened(t)
  writeFiles(staging, STAGED)
  fs.utimesSync(path.join(staging, 'c.uxz'), 1_600_000_000, 1_600_000_000)
  const changed = await repository.change(staging, CHANGES)
  const seen = walk(repository)
  t.same([...seen.keys()].sort(), Object.keys(CHANGED))
  t.equal(seen.get('new/c.uxz')?.modifiedAt, 1_600_000_000)
  changed.commit()
  t.same(visible(), CHANGED)
  t.same(leftovers(), [])
})

t.test('the changes of an import can be rolled back', async (t) => {
  const { repository, staging, visible, leftovers } = opened(t)
  writeFiles(staging, STAGED)
  const changed = await repository.change(staging, CHANGES)
  changed.rollback()
  t.same(visible(), FILES)
  t.equal(walk(repository).size, 4)
  t.same(leftovers(), [])
})

t.test('if one change is impossible, none is made', async (t) => {
  const { repository, staging, visible, leftovers } = opened(t)
  writeFiles(staging, STAGED)
  const wrong = [...CHANGES, { path: '../outside', staged: 'c.uxz' }]
  await t.rejects(repository.change(staging, wrong), { name: 'UnsafePathError' })
  t.same(visible(), FILES)
  t.same(leftovers(), [])
})

t.test('changes that were made before a crash are made again, or skipped', async (t) => {
  const { repository, staging, visible, leftovers } = opened(t)
  writeFiles(staging, STAGED)
  await repository.change(staging, CHANGES)
  await repository.recover(async () => new Set(Object.keys(CHANGED)))
  const again = await repository.change(staging, CHANGES)
  again.commit()
  t.same(visible(), CHANGED)
  t.same(leftovers(), [])
})

t.test('unsafe names are refused before any file is touched', async (t) => {
  const { repository, staging, visible } = opened(t)
  for (const name of UNSAFE_NAMES) {
    t.throws(() => repository.kindsOf([name]), { name: 'UnsafePathError' }, `kindsOf ${JSON.stringify(name)}`)
    t.throws(() => repository.copyTo(name, path.join(staging, 'x')), { name: 'UnsafePathError' })
    t.throws(() => repository.stageDeletion([name]), { name: 'UnsafePathError' })
  }
  t.same(visible(), FILES)
})

t.test('free space is reported, and the check succeeds', async (t) => {
  const { repository } = opened(t)
  const { freeBytes, totalBytes } = await repository.size()
  t.ok(freeBytes > 0 && totalBytes >= freeBytes)
  await repository.check()
})

t.test('a missing directory is the system’s error', async (t) => {
  const repository = createRepositoryDirectory(path.join(t.testdir(), 'absent'))
  t.throws(() => repository.root(), { code: 'ENOENT' })
  await t.rejects(repository.check(), { code: 'ENOENT' })
  await t.rejects(repository.size(), { code: 'ENOENT' })
})
