import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { type WalkEntry, type WalkedFile, walkRepository } from '../../../../src/storage/disk/walk-repository.ts'

type Tree = Parameters<Test['testdir']>[0]

function rootOf(t: Test, tree: Tree = {}): string {
  return fs.realpathSync(t.testdir(tree))
}

function sort(walkEntries: Iterable<WalkEntry>): { files: WalkedFile[]; problems: [string, string][] } {
  const files: WalkedFile[] = []
  const problems: [string, string][] = []
  for (const entry of walkEntries) {
    if ('file' in entry) files.push(entry.file)
    else problems.push([entry.problem.path, entry.problem.code])
  }
  return { files: files.sort((left, right) => (left.path < right.path ? -1 : 1)), problems: problems.sort() }
}

const walk = (root: string) => sort(walkRepository(root))
const pathsOf = (files: readonly WalkedFile[]) => files.map(({ path }) => path)

t.test('every file is returned with its facts', async (t) => {
  const root = rootOf(t, { 'a.bin': 'four', sub: { deeper: { 'b.bin': '' } }, empty: {} })
  fs.utimesSync(path.join(root, 'a.bin'), 1_700_000_000.75, 1_700_000_000.75)
  fs.utimesSync(path.join(root, 'sub/deeper/b.bin'), new Date(-10_250), new Date(-10_250))
  const { ino, mtimeNs } = fs.statSync(path.join(root, 'a.bin'), { bigint: true })
  const { files, problems } = walk(root)
  t.same(problems, [])
  t.equal(files.length, 2)
  t.same(files[0], {
    path: 'a.bin',
    directory: '',
    name: 'a.bin',
    size: 4,
    modifiedAt: 1_700_000_000,
    stamp: `4:${mtimeNs}:${ino}`
  })
  t.match(files[1], { path: 'sub/deeper/b.bin', directory: 'sub/deeper', name: 'b.bin', size: 0, modifiedAt: -11 })
})

t.test('the last moment of a second belongs to that second', async (t) => {
  const root = rootOf(t, { 'a.bin': 'a' })
  execFileSync('touch', ['-d', '2023-11-14T22:13:20.999999999Z', path.join(root, 'a.bin')])
  t.equal(walk(root).files[0]?.modifiedAt, 1_700_000_000)
})

t.test('the stamp differs for a replaced file and for a touched one', async (t) => {
  const root = rootOf(t, { 'a.bin': 'same size', 'b.bin': 'same size' })
  const stamps = () => walk(root).files.map(({ stamp }) => stamp)
  const [before] = stamps()
  t.same(stamps()[0], before)
  const { atime, mtime } = fs.statSync(path.join(root, 'a.bin'))
  fs.utimesSync(path.join(root, 'b.bin'), atime, mtime)
  fs.renameSync(path.join(root, 'b.bin'), path.join(root, 'a.bin'))
  const [replaced] = stamps()
  t.not(replaced, before)
  fs.utimesSync(path.join(root, 'a.bin'), atime, new Date(mtime.getTime() + 1))
  t.not(stamps()[0], replaced)
})

t.test('hidden files and directories are skipped', async (t) => {
  const root = rootOf(t, { '.hidden': 'x', '.git': { config: 'x' }, sub: { '.part': 'x', 'seen.bin': 'x' } })
  const { files, problems } = walk(root)
  t.same(pathsOf(files), ['sub/seen.bin'])
  t.same(problems, [])
})

t.test('links are followed to files inside, and reported otherwise', async (t) => {
  const root = rootOf(t, { inside: { 'a.bin': 'abc', '.kept': 'hidden' }, sub: {} })
  const links = {
    'to-file': 'inside/a.bin',
    'to-hidden': 'inside/.kept',
    'to-link': 'to-file',
    'sub/up-and-back': '../inside/a.bin',
    'to-directory': 'inside',
    'to-root': '.',
    'to-nowhere': 'nowhere',
    loop: 'loop',
    outside: '/etc/hosts',
    'outside-directory': '/etc',
    'outside-nowhere': '/nowhere/at/all'
  }
  for (const [name, target] of Object.entries(links)) fs.symlinkSync(target, path.join(root, name))
  const { files, problems } = walk(root)
  t.same(pathsOf(files), ['inside/a.bin', 'sub/up-and-back', 'to-file', 'to-hidden', 'to-link'])
  t.equal(files[1]?.stamp, files[0]?.stamp, 'a link changes when its file does')
  t.equal(files[1]?.size, 3)
  t.same(problems, [
    ['loop', 'broken-link'],
    ['outside', 'link-outside'],
    ['outside-directory', 'link-outside'],
    ['outside-nowhere', 'broken-link'],
    ['to-directory', 'link-to-directory'],
    ['to-nowhere', 'broken-link'],
    ['to-root', 'link-to-directory']
  ])
})

t.test('special files are reported and never opened', async (t) => {
  const root = rootOf(t)
  execFileSync('mkfifo', [path.join(root, 'fifo')])
  fs.symlinkSync('fifo', path.join(root, 'link-to-fifo'))
  t.same(walk(root), {
    files: [],
    problems: [
      ['fifo', 'special-file'],
      ['link-to-fifo', 'special-file']
    ]
  })
})

t.test('names that an archive cannot contain are reported, for files of any kind', async (t) => {
  const root = rootOf(t)
  const names = ['line\nbreak', 'tab\t', 'delete\x7f', 'back\\slash', '\u0085next']
  for (const name of names) fs.writeFileSync(path.join(root, name), 'x')
  fs.mkdirSync(path.join(root, 'directory\n'))
  fs.writeFileSync(path.join(root, 'directory\n', 'inside'), 'x')
  fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/latin-`), Buffer.from([0xe9])]), 'x')
  fs.writeFileSync(path.join(root, 'Ünïcode (1) 漢字 🧱'), 'x')
  const { files, problems } = walk(root)
  t.same(pathsOf(files), ['Ünïcode (1) 漢字 🧱'])
  const expected = [...names, 'directory\n', 'latin-\ufffd'].sort()
  t.same(
    problems,
    expected.map((name) => [name, 'unsafe-name'])
  )
})

t.test('the longest names and deep directories are walked', async (t) => {
  const root = rootOf(t)
  const directory = Array.from({ length: 12 }, () => 'd'.repeat(255)).join('/')
  fs.mkdirSync(path.join(root, directory), { recursive: true })
  fs.writeFileSync(path.join(root, directory, 'f'.repeat(255)), 'x')
  fs.writeFileSync(path.join(root, 'ü'.repeat(127)), 'x')
  t.same(pathsOf(walk(root).files), [`${directory}/${'f'.repeat(255)}`, 'ü'.repeat(127)])
})

t.test('a directory with more names than one call returns is walked completely', async (t) => {
  const root = rootOf(t)
  for (let number = 0; number < 1_500; number += 1) fs.writeFileSync(path.join(root, `${number}`), '')
  t.equal(new Set(pathsOf(walk(root).files)).size, 1_500)
})

t.test('a file that is removed while its directory is read is no broken link', async (t) => {
  const root = rootOf(t, { a: 'a', b: 'b', c: 'c' })
  const walk = walkRepository(root)
  const first = walk.next().value
  const seen = first !== undefined && 'file' in first ? first.file.name : ''
  for (const name of ['a', 'b', 'c']) if (name !== seen) fs.rmSync(path.join(root, name))
  const { files, problems } = sort(walk)
  t.same(files, [])
  t.notOk(
    problems.some(([, code]) => code === 'broken-link'),
    'no link existed'
  )
})

t.test('a directory that is removed, or is unreadable, is reported, and the walk continues', async (t) => {
  const root = rootOf(t, { gone: { a: 'a' }, stays: { b: 'b' }, 'file.bin': 'x' })
  const walk = walkRepository(root)
  walk.next()
  fs.rmSync(path.join(root, 'gone'), { recursive: true })
  const { files, problems } = sort(walk)
  t.same(pathsOf(files), ['stays/b'])
  t.same(problems, [['gone', 'unreadable']])
})

const isRoot = process.getuid?.() === 0
t.test('a directory without permission is reported', { skip: isRoot && 'root may read everything' }, async (t) => {
  const root = rootOf(t, { closed: { a: 'a' }, 'b.bin': 'b' })
  const closed = path.join(root, 'closed')
  fs.chmodSync(closed, 0o000)
  t.teardown(() => fs.chmodSync(closed, 0o700))
  const { files, problems } = walk(root)
  t.same(pathsOf(files), ['b.bin'])
  t.same(problems, [['closed', 'unreadable']])
})

t.test('a root that cannot be listed is an error', async (t) => {
  const root = rootOf(t, { 'file.bin': 'x' })
  t.throws(() => walk(path.join(root, 'absent')), { code: 'ENOENT' })
  t.throws(() => walk(path.join(root, 'file.bin')), { code: 'ENOTDIR' })
})
