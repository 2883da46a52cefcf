import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import type { PackageFile } from '../../../../src/core/catalog/package.ts'
import { createRepositoryFiles } from '../../../../src/storage/disk/repository-files.ts'
import { openFilesBelow } from '../../../support/open-files.ts'

/** A repository behind a link, with the file `dir/a.bin`, and the catalog's facts of that file. */
function setUp(t: Test, content = 'content') {
  const root = fs.realpathSync(t.testdir({ real: { dir: { 'a.bin': content } }, 'outside.bin': content }))
  const directory = path.join(root, 'linked')
  fs.symlinkSync('real', directory)
  const target = path.join(root, 'real/dir/a.bin')
  const facts = (changes: Partial<PackageFile> = {}): PackageFile => ({
    path: 'dir/a.bin',
    role: 'other',
    size: Buffer.byteLength(content),
    crc32: 0,
    sha256: 'the digest',
    modifiedAt: Math.floor(fs.statSync(target).mtimeMs / 1000),
    ...changes
  })
  return { root, target, facts, files: createRepositoryFiles(directory) }
}

t.test("a file is open with the catalog's facts until it is closed", async (t) => {
  const { files, facts, root } = setUp(t)
  const file = await files.open(facts())
  t.match(file, {
    name: 'a.bin',
    size: 7,
    digest: 'the digest',
    contentType: 'application/octet-stream',
    modifiedAt: new Date(facts().modifiedAt * 1000)
  })
  const buffer = Buffer.alloc(4)
  t.equal(await file.readInto(buffer, 3), 4)
  t.equal(buffer.toString(), 'tent')
  t.equal(await file.readInto(buffer, 7), 0)
  await file.close()
  t.same(openFilesBelow(root), [])
})

t.test('times before 1970 and fractions of a second are no change', async (t) => {
  const { files, facts, target } = setUp(t)
  for (const [time, seconds] of [
    ['2023-11-14T22:13:20.999Z', 1_700_000_000],
    ['1969-12-31T23:59:58.500Z', -2]
  ] as const) {
    fs.utimesSync(target, new Date(time), new Date(time))
    await (await files.open(facts({ modifiedAt: seconds }))).close()
  }
  t.pass('both were opened')
})

t.test('a file that differs from the catalog is not opened', async (t) => {
  const { files, facts, root } = setUp(t)
  const code = 'FILE_CHANGED'
  await t.rejects(files.open(facts({ size: 8 })), { code })
  await t.rejects(files.open(facts({ modifiedAt: facts().modifiedAt + 1 })), { code })
  await t.rejects(files.open(facts({ path: 'dir' })), { code }, 'a directory')
  t.same(openFilesBelow(root), [])
})

t.test('a tampered catalog cannot lead out of the repository', async (t) => {
  const { files, facts, root } = setUp(t)
  fs.symlinkSync('../../outside.bin', path.join(root, 'real/dir/link'))
  for (const name of ['../outside.bin', path.join(root, 'outside.bin'), 'dir/link', 'dir/a.bin\0', '..', '']) {
    await t.rejects(files.open(facts({ path: name })), { code: 'FILE_CHANGED' }, JSON.stringify(name))
  }
  t.same(openFilesBelow(root), [])
})

t.test('a missing file and an unreadable file are different problems', async (t) => {
  const { files, facts, root, target } = setUp(t)
  await t.rejects(files.open(facts({ path: 'dir/b.bin' })), { code: 'FILE_GONE' })
  await t.rejects(files.open(facts({ path: 'dir/a.bin/b' })), { code: 'FILE_GONE' })
  const tooLong = 'x'.repeat(300)
  const unreadable = { code: 'REPOSITORY_UNAVAILABLE', message: /^The file x+ cannot be read: ENAMETOOLONG\.$/ }
  await t.rejects(files.open(facts({ path: tooLong })), unreadable)
  const known = facts()
  fs.rmSync(path.dirname(target), { recursive: true })
  fs.rmdirSync(path.join(root, 'real'))
  await t.rejects(files.open(known), {
    code: 'REPOSITORY_UNAVAILABLE',
    message: /^The repository directory cannot be read: ENOENT\.$/
  })
})
