import { createHash } from 'node:crypto'
import fs, { promises as fsp } from 'node:fs'
import path from 'node:path'
import { mock } from 'node:test'
import { crc32 } from 'node:zlib'
import t, { type Test } from 'tap'
import { createIncomingDirectory, sweepWaiting, WAITING } from '../../../../src/storage/disk/incoming-directory.ts'
import { walkRepository } from '../../../../src/storage/disk/walk-repository.ts'
import { contentsOf, writeFiles } from '../../../support/depot.ts'
import { openFilesBelow } from '../../../support/open-files.ts'

function prepare(t: Test) {
  const repository = fs.realpathSync(t.testdir({ 'a.bin': 'of the repository' }))
  return {
    repository,
    incoming: createIncomingDirectory(repository),
    hidden: path.join(repository, '.fixdepot-incoming')
  }
}

async function* from(...pieces: string[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield Buffer.from(piece)
}

t.test('received files are kept with their digests, where no scan finds them', async (t) => {
  const { incoming, repository } = prepare(t)
  const sink = incoming.sink(incoming.create())
  t.same(await sink.receive('b.bin', from('content ', 'of b')), {
    name: 'b.bin',
    size: 12,
    crc32: crc32('content of b'),
    sha256: createHash('sha256').update('content of b').digest('hex')
  })
  t.match(await sink.receive('empty', from()), { name: 'empty', size: 0, crc32: 0 })
  const seen = [...walkRepository(repository)].map((entry) => ('file' in entry ? entry.file.path : ''))
  t.same(seen, ['a.bin'])
})

t.test('a file counts as received only when it is durable', async (t) => {
  const { incoming } = prepare(t)
  const { open } = fsp
  const synced: boolean[] = []
  mock.method(fsp, 'open', async (...args: Parameters<typeof open>) => {
    const handle = await open(...args)
    return Object.assign(handle, {
      async datasync() {
        synced.push(fs.readFileSync(String(args[0]), 'utf8') === 'content')
        throw Object.assign(new Error('the disk is broken'), { code: 'EIO' })
      }
    })
  })
  t.teardown(() => mock.restoreAll())
  await t.rejects(incoming.sink(incoming.create()).receive('a.bin', from('content')), { code: 'EIO' })
  t.same(synced, [true])
})

t.test('uploads are separate, and only the owner and group can access their directories', async (t) => {
  const { incoming, hidden } = prepare(t)
  const former = process.umask(0)
  t.teardown(() => process.umask(former))
  const [one, two] = [incoming.create(), incoming.create()]
  t.equal(fs.statSync(hidden).mode & 0o777, 0o750)
  t.equal(fs.statSync(incoming.receivedIn(one)).mode & 0o777, 0o750)
  await incoming.sink(one).receive('a.bin', from('one'))
  await incoming.sink(two).receive('a.bin', from('two'))
  t.same(contentsOf(hidden), { [`${one}/received/a.bin`]: 'one', [`${two}/received/a.bin`]: 'two' })
  t.same(incoming.directories().sort(), [one, two].sort())
  await t.rejects(incoming.sink(one).receive('a.bin', from('again')), { code: 'EEXIST' })
  t.same(fs.readFileSync(path.join(incoming.receivedIn(one), 'a.bin'), 'utf8'), 'one')
})

t.test('a file whose sender disconnects is an error, and no descriptor stays open', async (t) => {
  const { incoming, repository } = prepare(t)
  const upload = incoming.create()
  const gone = new Error('the client has gone')
  async function* breaking(): AsyncGenerator<Buffer> {
    yield Buffer.from('half')
    throw gone
  }
  await t.rejects(incoming.sink(upload).receive('b.bin', breaking()), gone)
  t.same(openFilesBelow(repository), [])
  incoming.remove(upload)
  t.same(fs.readdirSync(repository), ['a.bin'])
})

t.test('an upload that was removed meanwhile accepts no more files', async (t) => {
  const { incoming, repository } = prepare(t)
  const upload = incoming.create()
  incoming.remove(upload)
  await t.rejects(incoming.sink(upload).receive('b.bin', from('x')), { code: 'ENOENT' })
  t.same(fs.readdirSync(repository), ['a.bin'])
})

t.test('names that lead outside are refused', async (t) => {
  const { incoming, repository } = prepare(t)
  const upload = incoming.create()
  const other = incoming.create()
  const unsafe = { name: 'UnsafePathError' }
  for (const name of ['../../../a.bin', '/etc/passwd', '..', '', 'a\\b', 'a\0']) {
    await t.rejects(incoming.sink(upload).receive(name, from('x')), unsafe, JSON.stringify(name))
    t.throws(() => incoming.pathOf(name), unsafe)
    t.throws(() => incoming.remove(name), unsafe)
    t.throws(() => incoming.sink(name), unsafe)
    t.throws(() => incoming.moveReceived(upload, other, [name]), unsafe)
  }
  await t.rejects(incoming.sink(upload).receive('d/a.bin', from('x')), { code: 'ENOENT' }, 'nor is a directory made')
  t.same(contentsOf(repository), { 'a.bin': 'of the repository' })
})

t.test('moved files replace files of the same name', async (t) => {
  const { incoming, hidden } = prepare(t)
  const [upload, job] = [incoming.create(), incoming.create()]
  writeFiles(incoming.receivedIn(upload), { a: 'new a', b: 'new b', c: 'new c' })
  writeFiles(incoming.receivedIn(job), { a: 'old a', d: 'old d' })
  incoming.moveReceived(upload, job, ['a', 'b'])
  t.same(contentsOf(hidden), {
    [`${job}/received/a`]: 'new a',
    [`${job}/received/b`]: 'new b',
    [`${job}/received/d`]: 'old d',
    [`${upload}/received/c`]: 'new c'
  })
  t.throws(() => incoming.moveReceived(upload, job, ['absent']), { code: 'ENOENT' })
})

t.test('removing the last directory removes its parent, unless files wait there', async (t) => {
  const { incoming, hidden } = prepare(t)
  const [one, two] = [incoming.create(), incoming.create()]
  writeFiles(incoming.receivedIn(one), { a: 'a', 'deep/b': 'b' })
  incoming.remove(one)
  t.same(fs.readdirSync(hidden), [two])
  incoming.remove(two)
  t.notOk(fs.existsSync(hidden))
  incoming.remove(two)
  t.same(incoming.directories(), [])
  writeFiles(incoming.waiting, { a: 'a' })
  const three = incoming.create()
  t.same(incoming.directories(), [three], 'the directory of waiting files is no upload')
  incoming.remove(three)
  t.same(fs.readdirSync(hidden), [WAITING])
})

t.test('a link among the uploads is removed, and its target is left alone', async (t) => {
  const { incoming, repository, hidden } = prepare(t)
  fs.mkdirSync(hidden)
  fs.symlinkSync('..', path.join(hidden, 'link'))
  incoming.remove('link')
  t.same(contentsOf(repository), { 'a.bin': 'of the repository' })
})

t.test('a file in place of the directory is an error, and not an empty directory', async (t) => {
  const { incoming, hidden } = prepare(t)
  fs.writeFileSync(hidden, '')
  t.throws(() => incoming.directories(), { code: 'ENOTDIR' })
  t.throws(() => incoming.create(), { code: /^(EEXIST|ENOTDIR)$/ })
})

t.test('only files that have waited too long are removed', async (t) => {
  const { incoming, repository } = prepare(t)
  await sweepWaiting(incoming.waiting, new Date())
  t.notOk(fs.existsSync(incoming.waiting), 'nothing waits')
  writeFiles(incoming.waiting, { old: 'x', 'old-directory/a': 'x', edge: 'x', new: 'x' })
  fs.symlinkSync('../../a.bin', path.join(incoming.waiting, 'old-link'))
  fs.symlinkSync('nowhere', path.join(incoming.waiting, 'broken-link'))
  const at = (name: string, seconds: number) => fs.lutimesSync(path.join(incoming.waiting, name), seconds, seconds)
  for (const name of ['old', 'old-directory', 'old-link', 'broken-link']) at(name, 999)
  at('edge', 1_000)
  at('new', 1_001)
  await sweepWaiting(incoming.waiting, new Date(1_000_000))
  t.same(fs.readdirSync(incoming.waiting).sort(), ['edge', 'new'])
  t.same(fs.readFileSync(path.join(repository, 'a.bin'), 'utf8'), 'of the repository')
})
