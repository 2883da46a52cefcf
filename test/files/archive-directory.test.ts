import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import type { OpenFile } from '../../src/core/open-file.ts'
import { type ArchiveDirectory, createArchiveDirectory } from '../../src/files/archive-directory.ts'
import { openFilesBelow } from '../helpers/open-files.ts'

const NAME = 'repository20260102030405.zip'
const UNSAFE_NAMES = [
  '',
  '.',
  '..',
  '../a.zip',
  '/tmp/a.zip',
  'a/b.zip',
  'a\\b.zip',
  'a\0.zip',
  'a\n.zip',
  '\ud800.zip'
]

function open(t: Test): { root: string; directory: string; archives: ArchiveDirectory } {
  const root = fs.realpathSync(t.testdir({ archives: {} }))
  const directory = path.join(root, 'archives')
  return { root, directory, archives: createArchiveDirectory(directory) }
}

function make(archives: ArchiveDirectory, content: string, name = NAME): void {
  const archive = archives.resume(name, 1)
  fs.writeSync(archive.fd, content)
  archive.publish()
}

async function openArchive(t: Test, archives: ArchiveDirectory): Promise<OpenFile> {
  const archive = await archives.open(NAME, 'digest')
  if (archive === undefined) throw new Error(`${NAME} is not there`)
  t.teardown(() => archive.close())
  return archive
}

async function textOf(archive: OpenFile, position = 0, length = 100): Promise<string> {
  const buffer = Buffer.alloc(length)
  return buffer.toString('utf8', 0, await archive.readInto(buffer, position))
}

t.test('an archive is not there under its name before it is published', async (t) => {
  const { directory, archives } = open(t)
  const archive = archives.resume(NAME, 1)
  fs.writeSync(archive.fd, 'whole')
  t.same(fs.readdirSync(directory), [`${NAME}.1.part`])
  t.equal(await archives.open(NAME, 'digest'), undefined)
  archive.publish()
  t.same(fs.readdirSync(directory), [NAME])
  t.equal(fs.readFileSync(path.join(directory, NAME), 'utf8'), 'whole')
  t.same(openFilesBelow(directory), [])
})

t.test('an archive that is discarded leaves nothing behind', async (t) => {
  const { directory, archives } = open(t)
  const archive = archives.resume(NAME, 1)
  fs.writeSync(archive.fd, 'half')
  archive.discard()
  t.same(fs.readdirSync(directory), [])
  t.same(openFilesBelow(directory), [])
})

t.test('what a process left unfinished is begun anew', async (t) => {
  const { directory, archives } = open(t)
  fs.writeFileSync(path.join(directory, `${NAME}.1.part`), 'much longer than what comes')
  make(archives, 'short')
  t.same(fs.readdirSync(directory), [NAME])
  t.equal(fs.readFileSync(path.join(directory, NAME), 'utf8'), 'short')
})

t.test('publishing again under a name replaces the whole archive, and readers keep the one they have', async (t) => {
  const { archives } = open(t)
  make(archives, 'first')
  const before = await openArchive(t, archives)
  make(archives, 'second')
  t.equal(await textOf(before), 'first')
  t.equal(await textOf(await openArchive(t, archives)), 'second')
})

t.test('an archive that cannot be published leaves nothing unfinished behind', async (t) => {
  const { directory, archives } = open(t)
  fs.mkdirSync(path.join(directory, NAME, 'in the way'), { recursive: true })
  const archive = archives.resume(NAME, 1)
  t.throws(() => archive.publish(), { code: 'EISDIR' })
  t.same(fs.readdirSync(directory), [NAME])
  t.same(openFilesBelow(directory), [])
})

t.test('an open archive knows its facts and can be read from any position', async (t) => {
  const { directory, archives } = open(t)
  make(archives, '0123456789')
  const { mtime } = fs.statSync(path.join(directory, NAME))
  const archive = await openArchive(t, archives)
  t.match(archive, { name: NAME, size: 10, modifiedAt: mtime, digest: 'digest' })
  t.equal(await textOf(archive), '0123456789')
  t.equal(await textOf(archive, 3, 4), '3456')
  t.equal(await textOf(archive, 8, 100), '89')
  t.equal(await textOf(archive, 10, 1), '')
})

t.test('an archive is open until it is closed', async (t) => {
  const { directory, archives } = open(t)
  make(archives, 'content')
  const archive = await archives.open(NAME, 'digest')
  await archive?.readInto(Buffer.alloc(100), 0)
  t.equal(openFilesBelow(directory).length, process.platform === 'linux' ? 1 : 0)
  await archive?.close()
  t.same(openFilesBelow(directory), [])
})

t.test('a name that no archive has is undefined', async (t) => {
  const { archives } = open(t)
  t.equal(await archives.open('absent.zip', 'digest'), undefined)
})

t.test('names that are not safe are refused before anything is touched', async (t) => {
  const { root, directory, archives } = open(t)
  fs.writeFileSync(path.join(root, 'a.zip'), 'outside')
  for (const name of UNSAFE_NAMES) {
    t.throws(() => archives.resume(name, 1), /cannot be the name of an archive/, `create ${JSON.stringify(name)}`)
    await t.rejects(archives.open(name, 'digest'), /cannot be the name of an archive/, `open ${JSON.stringify(name)}`)
  }
  t.same(fs.readdirSync(directory), [])
  t.same(fs.readdirSync(root).sort(), ['a.zip', 'archives'])
})

t.test("a directory that is not there is the system's error", async (t) => {
  const archives = createArchiveDirectory(path.join(t.testdir(), 'absent'))
  t.throws(() => archives.resume(NAME, 1), { code: 'ENOENT' })
})

const contentOf = (directory: string, name: string) => fs.readFileSync(path.join(directory, name), 'utf8')

/** Writes a part as a worker leaves it. */
function leave(archives: ArchiveDirectory, token: number, content: string): void {
  const archive = archives.resume(NAME, token)
  fs.writeSync(archive.fd, content)
  archive.leave()
}

t.test('an archive is resumed in what the newest lease has left, cut where it is known to be whole', async (t) => {
  const { directory, archives } = open(t)
  fs.writeFileSync(path.join(directory, `${NAME}.9.part`), 'older')
  fs.writeFileSync(path.join(directory, `${NAME}.10.part`), 'newest and more')
  const archive = archives.resume(NAME, 11, 6)
  t.equal(archive.size, 6)
  t.same(fs.readdirSync(directory), [`${NAME}.11.part`], 'nothing else is left')
  fs.writeSync(archive.fd, '!', 6)
  archive.publish()
  t.equal(contentOf(directory, NAME), 'newest!')
})

t.test('an archive that was published, but not recorded, is resumed too', async (t) => {
  const { directory, archives } = open(t)
  make(archives, 'whole archive')
  const archive = archives.resume(NAME, 2, 5)
  t.equal(archive.size, 5)
  t.same(fs.readdirSync(directory), [`${NAME}.2.part`])
  archive.discard()
  t.same(fs.readdirSync(directory), [])
})

t.test('a part that is shorter than it is known to be, or gone, is begun anew', async (t) => {
  const { directory, archives } = open(t)
  leave(archives, 1, 'short')
  const short = archives.resume(NAME, 2, 6)
  t.equal(short.size, 0)
  short.leave()
  t.equal(contentOf(directory, `${NAME}.2.part`), '')
  fs.rmSync(path.join(directory, `${NAME}.2.part`))
  const gone = archives.resume(NAME, 3, 6)
  t.equal(gone.size, 0)
  gone.discard()
})

t.test('what is left of an archive can be removed, whatever lease has left it', async (t) => {
  const { directory, archives } = open(t)
  for (const token of [3, 40]) fs.writeFileSync(path.join(directory, `${NAME}.${token}.part`), '')
  const other = 'repository20260102030405001.zip.1.part'
  fs.writeFileSync(path.join(directory, other), '')
  archives.removeParts(NAME)
  t.same(fs.readdirSync(directory), [other])
})

t.test('only files with names of this server are its own', async (t) => {
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

t.test('an archive is whole when it is a file of the planned size', async (t) => {
  const { directory, archives } = open(t)
  t.equal(archives.hasWhole(NAME, 5), false)
  make(archives, 'whole')
  t.equal(archives.hasWhole(NAME, 5), true)
  t.equal(archives.hasWhole(NAME, 6), false)
  fs.renameSync(path.join(directory, NAME), path.join(directory, 'elsewhere'))
  fs.symlinkSync('elsewhere', path.join(directory, NAME))
  t.equal(archives.hasWhole(NAME, 5), false, 'a link is none')
})

t.test('a download goes on when its archive is removed', async (t) => {
  const { directory, archives } = open(t)
  make(archives, 'content')
  const archive = await openArchive(t, archives)
  archives.remove(NAME)
  t.same(fs.readdirSync(directory), [])
  t.equal(await textOf(archive), 'content')
})
