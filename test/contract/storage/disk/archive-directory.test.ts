import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import type { ArchiveStorage, GrowingArchive } from '../../../../src/core/storage/archive-storage.ts'
import { createArchiveDirectory } from '../../../../src/storage/disk/archive-directory.ts'
import { claimOf, make, NAME, read, runStorageSuite, write } from '../../../support/archive-storage-suite.ts'
import { openFilesBelow } from '../../../support/open-files.ts'

interface Opened {
  readonly root: string
  readonly directory: string
  readonly archives: ArchiveStorage
}

function open(t: Test): Opened {
  const root = fs.realpathSync(t.testdir({ archives: {} }))
  const directory = path.join(root, 'archives')
  return { root, directory, archives: createArchiveDirectory(directory) }
}

const resume = (archives: ArchiveStorage, token = 1, start = 0): Promise<GrowingArchive> =>
  archives.resume(claimOf(100, { token, start }))

/** Writes a part like a worker that is stopped. */
async function leave(archives: ArchiveStorage, token: number, content: string): Promise<void> {
  const archive = await resume(archives, token)
  await write(archive, Buffer.from(content))
  await archive.keep()
}

const contentOf = (directory: string, name: string) => fs.readFileSync(path.join(directory, name), 'utf8')
const textOf = async (archives: ArchiveStorage) => (await read(archives))?.toString()

t.test('a directory fulfils the contract of a storage of archives', async (t) => {
  runStorageSuite(t, async (t) => ({ storage: open(t).archives, size: 3_000_000, step: 1_000_000 }))
})

t.test('an archive that is being written is a part with the token of its lease', async (t) => {
  const { directory, archives } = open(t)
  const archive = await resume(archives)
  await write(archive, Buffer.from('whole'))
  t.same(fs.readdirSync(directory), [`${NAME}.1.part`])
  await archive.publish()
  t.same(fs.readdirSync(directory), [NAME])
  t.equal(contentOf(directory, NAME), 'whole')
  t.same(openFilesBelow(directory), [])
})

t.test('a discarded archive leaves no file, and no open descriptor', async (t) => {
  const { directory, archives } = open(t)
  const archive = await resume(archives)
  await write(archive, Buffer.from('half'))
  await archive.discard()
  t.same(fs.readdirSync(directory), [])
  t.same(openFilesBelow(directory), [])
})

t.test('an archive that a process left unfinished is written anew', async (t) => {
  const { directory, archives } = open(t)
  fs.writeFileSync(path.join(directory, `${NAME}.1.part`), 'much longer than what comes')
  await make(archives, Buffer.from('short'))
  t.same(fs.readdirSync(directory), [NAME])
  t.equal(contentOf(directory, NAME), 'short')
})

t.test('publishing again under the same name replaces the archive, and open readers keep the old one', async (t) => {
  const { archives } = open(t)
  await make(archives, Buffer.from('first'))
  const before = await archives.open(NAME, 'digest')
  await make(archives, Buffer.from('second'))
  const buffer = Buffer.alloc(100)
  t.equal(buffer.toString('utf8', 0, await before?.readInto(buffer, 0)), 'first')
  await before?.close()
  t.equal(await textOf(archives), 'second')
})

t.test('an archive that cannot be published leaves nothing unfinished behind', async (t) => {
  const { directory, archives } = open(t)
  fs.mkdirSync(path.join(directory, NAME, 'in the way'), { recursive: true })
  const archive = await resume(archives)
  await t.rejects(archive.publish(), { code: 'EISDIR' })
  t.same(fs.readdirSync(directory), [NAME])
  t.same(openFilesBelow(directory), [])
})

t.test("an open archive has its file's time", async (t) => {
  const { directory, archives } = open(t)
  await make(archives, Buffer.from('0123456789'))
  const { mtime } = fs.statSync(path.join(directory, NAME))
  const archive = await archives.open(NAME, 'digest')
  t.match(archive, { modifiedAt: mtime })
  await archive?.close()
})

t.test('an archive is open until it is closed', async (t) => {
  const { directory, archives } = open(t)
  await make(archives, Buffer.from('content'))
  const archive = await archives.open(NAME, 'digest')
  await archive?.readInto(Buffer.alloc(100), 0)
  t.equal(openFilesBelow(directory).length, process.platform === 'linux' ? 1 : 0)
  await archive?.close()
  t.same(openFilesBelow(directory), [])
})

t.test('unsafe names reach nothing outside', async (t) => {
  const { root, archives } = open(t)
  fs.writeFileSync(path.join(root, 'a.zip'), 'outside')
  await t.rejects(archives.open('../a.zip', 'digest'), /cannot be the name of an archive/)
  t.same(fs.readdirSync(root).sort(), ['a.zip', 'archives'])
})

t.test("a missing directory is the system's error", async (t) => {
  const archives = createArchiveDirectory(path.join(t.testdir(), 'absent'))
  await t.rejects(resume(archives), { code: 'ENOENT' })
  await t.rejects(archives.check(), { code: 'ENOENT' })
})

t.test('an archive is resumed from the newest part, truncated at the checkpoint', async (t) => {
  const { directory, archives } = open(t)
  fs.writeFileSync(path.join(directory, `${NAME}.9.part`), 'older')
  fs.writeFileSync(path.join(directory, `${NAME}.10.part`), 'newest and more')
  const archive = await resume(archives, 11, 6)
  t.equal(archive.size, 6)
  t.same(fs.readdirSync(directory), [`${NAME}.11.part`], 'nothing else is left')
  await write(archive, Buffer.from('newest!'))
  await archive.publish()
  t.equal(contentOf(directory, NAME), 'newest!')
})

t.test('an archive that was published, but not recorded, is resumed as a part', async (t) => {
  const { directory, archives } = open(t)
  await make(archives, Buffer.from('whole archive'))
  const archive = await resume(archives, 2, 5)
  t.equal(archive.size, 5)
  t.same(fs.readdirSync(directory), [`${NAME}.2.part`])
  await archive.discard()
  t.same(fs.readdirSync(directory), [])
})

t.test('a part that is shorter than its checkpoint, or gone, is written anew', async (t) => {
  const { directory, archives } = open(t)
  await leave(archives, 1, 'short')
  const short = await resume(archives, 2, 6)
  t.equal(short.size, 0)
  await short.keep()
  t.equal(contentOf(directory, `${NAME}.2.part`), '')
  fs.rmSync(path.join(directory, `${NAME}.2.part`))
  const gone = await resume(archives, 3, 6)
  t.equal(gone.size, 0)
  await gone.discard()
})

t.test('the parts of an archive can be removed, from any lease', async (t) => {
  const { directory, archives } = open(t)
  for (const token of [3, 40]) fs.writeFileSync(path.join(directory, `${NAME}.${token}.part`), '')
  const other = 'repository20260102030405001.zip.1.part'
  fs.writeFileSync(path.join(directory, other), '')
  await archives.removeParts(NAME)
  t.same(fs.readdirSync(directory), [other])
})

t.test('only files with names that this software gives are its own', async (t) => {
  const { directory, archives } = open(t)
  const own = [NAME, `${NAME}.7.part`, 'repository20260102030405001.zip']
  const foreign = ['notes.txt', 'repository.zip', `${NAME}.part`, `${NAME}.x.part`, `my ${NAME}`, `${NAME}.bak`]
  for (const name of [...own, ...foreign]) fs.writeFileSync(path.join(directory, name), '')
  const files = await archives.ownFiles()
  t.same(files.map(({ fileName }) => fileName).sort(), own.sort())
  t.match(
    files.find(({ fileName }) => fileName === `${NAME}.7.part`),
    { archiveName: NAME, token: 7 }
  )
})

t.test('a link is no finished archive', async (t) => {
  const { directory, archives } = open(t)
  await make(archives, Buffer.from('whole'))
  fs.renameSync(path.join(directory, NAME), path.join(directory, 'elsewhere'))
  fs.symlinkSync('elsewhere', path.join(directory, NAME))
  t.equal(await archives.hasWhole(NAME, 5), false)
})

t.test('a download continues when its archive is removed', async (t) => {
  const { directory, archives } = open(t)
  await make(archives, Buffer.from('content'))
  const archive = await archives.open(NAME, 'digest')
  await archives.remove(NAME)
  t.same(fs.readdirSync(directory), [])
  const buffer = Buffer.alloc(100)
  t.equal(buffer.toString('utf8', 0, await archive?.readInto(buffer, 0)), 'content')
  await archive?.close()
})
