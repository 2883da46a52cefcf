import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { mock } from 'node:test'
import { crc32 } from 'node:zlib'
import t, { type Test } from 'tap'
import { createIncomingDirectory } from '../../../../src/storage/disk/incoming-directory.ts'
import { createRepositoryDirectory } from '../../../../src/storage/disk/repository-directory.ts'
import { createImportCatalog } from '../../../../src/store/imports/import-catalog.ts'
import { openInspection } from '../../../../src/worker/import/inspect-import.ts'
import { type Staged, type StagingOptions, stageImport } from '../../../../src/worker/import/stage-import.ts'
import { classicXml, contentsOf, makeDepot, threadlessPool, writeFiles } from '../../../support/depot.ts'
import { openFilesBelow } from '../../../support/open-files.ts'
import { type Files, packageFiles } from '../../../support/packages.ts'
import { rawZip, zipOf } from '../../../support/raw-zip.ts'

const A = packageFiles({ fixid: 'a', payload: 'content of a' })
const B = packageFiles({ fixid: 'b', payload: 'content of b' })

interface Location {
  readonly root: string
  readonly tree: string
  readonly waiting: string
  /** The files that were added to the inspection, by path. */
  readonly known: Map<string, string>
  /** The reported bytes, in order. */
  readonly progress: number[]
  /** Stages these files as if they had been sent in this order. */
  stage(files: Files, options?: Partial<StagingOptions>): Promise<Staged>
  /** The staged files, by name. */
  staged(): Record<string, string>
  /** Open files; the inspection has its own. */
  leftOpen(): string[]
}

async function location(t: Test, repository: Files = {}, waiting: Files = {}): Promise<Location> {
  const depot = await makeDepot(t, repository)
  await depot.scan()
  const incoming = createIncomingDirectory(depot.repositoryDirectory)
  writeFiles(incoming.waiting, waiting)
  const job = incoming.create()
  const [received, tree] = [incoming.receivedIn(job), path.join(incoming.pathOf(job), 'tree')]
  const inspection = await openInspection(tree, path.join(incoming.pathOf(job), 'inspection.db'), threadlessPool)
  t.teardown(() => inspection.close())
  const known = new Map<string, string>()
  const progress: number[] = []
  return {
    root: depot.repositoryDirectory,
    tree,
    waiting: incoming.waiting,
    known,
    progress,
    stage(files, options = {}) {
      fs.rmSync(received, { recursive: true })
      fs.mkdirSync(received)
      writeFiles(received, files)
      return stageImport({
        files: Object.entries(files).map(([name, content]) => ({
          name,
          size: Buffer.byteLength(content),
          crc32: crc32(content),
          sha256: createHash('sha256').update(content).digest('hex')
        })),
        received,
        waiting: incoming.waiting,
        tree,
        repository: createRepositoryDirectory(depot.repositoryDirectory),
        catalog: createImportCatalog(depot.db),
        inspection: {
          ...inspection,
          async addFile(file) {
            known.set(file.path, file.sha256)
            await inspection.addFile(file)
          }
        },
        freeBytes: async () => 2 ** 40,
        onProgress: (bytes) => progress.push(bytes),
        signal: new AbortController().signal,
        ...options
      })
    },
    staged: () => contentsOf(tree),
    leftOpen: () => openFilesBelow(incoming.pathOf(job)).filter((file) => !file.includes('/inspection.db'))
  }
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

t.test('files are staged as they were sent, archives unpacked, and nothing is copied or read again', async (t) => {
  const { stage, staged, tree, known } = await location(t)
  const { plain, archives } = await stage({
    ...A,
    'updates.zip': zipOf({ '7X05/b.xml': B['b.xml'] ?? '', 'b.uxz': 'x' })
  })
  t.same(staged(), { ...A, '7X05/b.xml': B['b.xml'], 'b.uxz': 'x' })
  t.same([...plain].sort(), Object.keys(A).sort())
  t.same(archives, ['updates.zip'])
  t.equal(fs.statSync(path.join(tree, 'a.uxz')).nlink, 2, 'the same file as that which was received')
  t.same([...known.keys()].sort(), [...Object.keys(A), '7X05/b.xml', 'b.uxz'].sort())
  t.equal(known.get('b.uxz'), createHash('sha256').update('x').digest('hex'))
})

t.test('leftovers of an earlier attempt are removed', async (t) => {
  const { stage, staged, tree } = await location(t)
  writeFiles(tree, { 'left.xml': 'x', 'deep/left.uxz': 'y', 'a.xml': 'half' })
  await stage(A)
  t.same(staged(), A)
})

t.test('the reported bytes add up to the received bytes', async (t) => {
  const { stage, progress } = await location(t)
  const files = { ...A, 'updates.zip': zipOf({ ...B, empty: '' }) }
  await stage(files)
  const total = sum(Object.values(files).map((content) => Buffer.byteLength(content)))
  t.ok(sum(progress) <= total && sum(progress) > total - 10, `${sum(progress)} of ${total}`)
  t.ok(progress.every((bytes) => Number.isSafeInteger(bytes) && bytes >= 0))
})

t.test('an archive of empty files reports no bytes', async (t) => {
  const { stage, staged, progress } = await location(t)
  await stage({ 'repository20260102030405.zip': zipOf({ 'a.uxz': '' }) })
  t.same(staged(), { 'a.uxz': '' })
  t.same(progress, [0])
})

t.test('a file in two archives, or beside an archive that contains it, is staged once', async (t) => {
  const { stage, staged } = await location(t)
  const one = zipOf({ ...A, 'README.txt': 'for the lab', 'd/e.uxz': 'e' })
  const two = zipOf({ ...B, 'README.txt': 'for the lab', 'd/e.uxz': 'e' })
  const expected = { ...A, ...B, 'README.txt': 'for the lab', 'd/e.uxz': 'e' }
  await stage({ 'one.zip': one, 'two.zip': two })
  t.same(staged(), expected)
  const { plain } = await stage({ ...A, 'two.zip': zipOf({ ...A, ...B }) })
  t.same(staged(), { ...A, ...B })
  t.same([...plain].sort(), Object.keys(A).sort())
  await stage({ 'two.zip': zipOf({ ...A, ...B }), ...A })
  t.same(staged(), { ...A, ...B }, 'in whatever order they come')
})

t.test('two different files of the same name are refused by name', async (t) => {
  const { stage, leftOpen } = await location(t)
  const other = { ...A, 'a.uxz': 'CONTENT OF A' }
  const different = { code: 'IMPORT_REFUSED', message: 'The file "a.uxz" is there twice, with different content.' }
  await t.rejects(stage({ 'one.zip': zipOf(A), 'two.zip': zipOf(other) }), different)
  await t.rejects(stage({ ...A, 'two.zip': zipOf(other) }), different)
  await t.rejects(stage({ 'two.zip': zipOf(other), ...A }), different)
  await t.rejects(
    stage({ 'one.zip': zipOf(A), 'two.zip': zipOf({ ...A, 'a.uxz': 'content of a, and more' }) }),
    different
  )
  // Its CRC-32 is that of an empty file.
  const zero = Buffer.from([0x9d, 0x0a, 0xd9, 0x6d])
  await t.rejects(stage({ 'a.uxz': '', 'two.zip': zipOf({ 'a.xml': 'x', 'a.uxz': zero }) }), different)
  t.same(leftOpen(), [])
})

t.test('waiting files are staged with the sent files, unless these have the same names', async (t) => {
  const { stage, staged, waiting } = await location(t, {}, { 'a.uxz': 'old content', 'a.txt': 'readme', 'x.bin': 'x' })
  const { plain } = await stage({ 'a.xml': A['a.xml'] ?? '', 'a.uxz': 'content of a' })
  t.same(staged(), { 'a.xml': A['a.xml'], 'a.uxz': 'content of a', 'a.txt': 'readme', 'x.bin': 'x' })
  t.same([...plain].sort(), ['a.txt', 'a.uxz', 'a.xml', 'x.bin'])
  t.same(fs.readdirSync(waiting).sort(), ['a.txt', 'a.uxz', 'x.bin'], 'they wait until the import is decided')
})

t.test('a file of an archive replaces a waiting file', async (t) => {
  const { stage, staged } = await location(t, {}, { 'a.txt': 'old', 'b.txt': 'waits' })
  const { plain } = await stage({ 'b.xml': B['b.xml'] ?? '', 'updates.zip': zipOf(A) })
  t.same(staged(), { ...A, 'b.xml': B['b.xml'], 'b.txt': 'waits' })
  t.same([...plain].sort(), ['b.txt', 'b.xml'])
})

t.test('an import of archives alone leaves waiting files alone', async (t) => {
  const { stage, staged } = await location(t, {}, { 'b.uxz': 'waits' })
  await stage({ 'updates.zip': zipOf(A) })
  t.same(staged(), A)
})

t.test('archives are unpacked, and payloads stay as they are', async (t) => {
  const payload = zipOf({ 'image.bin': 'x', 'device.xml': '<device/>' })
  const described = { 'z.xml': classicXml({ fixid: 'z', payload: 'z.zip' }), 'z.zip': payload }
  const v3 = zipOf({
    'v_index.json': JSON.stringify({
      Updates: [{ Payload: 'p.bin', Oem: { FixId: { Name: 'v' } } }],
      Oem: { Name: 'v' }
    }),
    'p.bin': 'x'
  })
  const cases: [string, Files, Files, Files][] = [
    ['without metadata in it', {}, {}, { 'x.zip': zipOf({ 'image.bin': 'x' }) }],
    ['named by metadata that comes too', {}, {}, described],
    ['named so in another case', {}, {}, { 'Z.XML': described['z.xml'], 'z.zip': payload }],
    ['named by metadata that waits', {}, { 'z.xml': described['z.xml'] }, { 'z.zip': payload }],
    ['named by metadata that is here', { 'd/z.xml': described['z.xml'] }, {}, { 'z.zip': payload }],
    ['damaged, of a package that is here', { 'd/z.xml': described['z.xml'] }, {}, { 'z.zip': 'no zip at all' }],
    ['a package that is one .zip', {}, {}, { 'v.zip': v3 }],
    ['without a name', {}, {}, { '.zip': zipOf(A) }],
    ['with another ending', {}, {}, { 'a.zip.bin': zipOf(A) }]
  ]
  for (const [title, repository, waiting, files] of cases) {
    const { stage, staged } = await location(t, repository, waiting)
    const { archives } = await stage(files)
    t.same(archives, [], title)
    t.match(
      staged(),
      Object.fromEntries(Object.entries(files).map(([name, content]) => [name, content.toString('latin1')]))
    )
  }
  const whole = await location(t, { 'v.zip': v3 })
  await t.rejects(whole.stage({ 'v.zip': 'no zip at all' }), { code: 'IMPORT_REFUSED' }, 'it is its own metadata')
  await whole.stage({ 'v.txt': 'x' })
  t.same(whole.staged(), { 'v.txt': 'x' }, 'and does not come along')
  const unpacked: [string, Files][] = [
    ['classic packages', { 'x.zip': zipOf(A) }],
    ['the package of its name', { 'a.zip': zipOf(A) }],
    ['in another case', { 'X.ZIP': zipOf(A) }],
    ['packages in packages', { 'x.zip': zipOf({ 'v.zip': v3 }) }],
    ['two V3 packages', { 'x.zip': zipOf({ 'a_index.json': '{}', 'b_index.json': '{}' }) }],
    ['an export, whatever is in it', { 'repository20260102030405.zip': zipOf({ 'image.bin': 'x' }) }],
    ['the package of its name, which comes beside it too', { 'a.zip': zipOf(A), 'a.xml': A['a.xml'] ?? '' }]
  ]
  for (const [title, files] of unpacked) {
    const { stage } = await location(t)
    t.same((await stage(files)).archives, [Object.keys(files)[0]], title)
  }
})

t.test('a refused archive is named, with the reason', async (t) => {
  const { stage, leftOpen } = await location(t)
  for (const [archive, text] of [
    [zipOf({ ...A, '../evil': 'x' }), /: its entry "\.\.\/evil" leads out/],
    [rawZip([{ name: 'a.xml', content: 'x', crc32: 1 }]), /: its entry "a\.xml" has another CRC-32/],
    [Buffer.from('no zip'), /: it is no \.zip/]
  ] as const) {
    await t.rejects(stage({ ...B, 'updates.zip': archive }), {
      code: 'IMPORT_REFUSED',
      message: new RegExp(`^The file "updates\\.zip" is not accepted${text.source}`)
    })
    t.same(leftOpen(), [])
  }
})

t.test('an archive is not unpacked without enough space', async (t) => {
  const { stage, staged } = await location(t)
  const archive = zipOf({ 'a.xml': '12345', 'b.xml': '67890' })
  const full = (free: number) => stage({ 'x.zip': archive }, { freeBytes: async () => free })
  const message = 'The archive "x.zip" has 10 bytes when it is unpacked; 9 bytes are free.'
  await t.rejects(full(9), { code: 'REPOSITORY_FULL', message })
  await t.rejects(full(-5), { code: 'REPOSITORY_FULL', message: message.replace('9 bytes are', '0 bytes are') })
  t.same(staged(), {})
  await full(10)
  t.same(staged(), { 'a.xml': '12345', 'b.xml': '67890' })
})

t.test('the free space is read again for each archive', async (t) => {
  const { stage } = await location(t)
  const spaces = [1_000_000, 3]
  const files = { 'x.zip': zipOf({ 'a.xml': '12345' }), 'y.zip': zipOf({ 'b.xml': '67890' }) }
  await t.rejects(stage(files, { freeBytes: async () => spaces.shift() ?? 0 }), {
    message: 'The archive "y.zip" has 5 bytes when it is unpacked; 3 bytes are free.'
  })
})

t.test('a stop ends the import at the next file, also within an archive', async (t) => {
  for (const files of [
    { 'a.txt': 'a', 'b.txt': 'b', 'c.txt': 'c' },
    { 'x.zip': zipOf({ 'a.xml': 'a', 'b.xml': 'b', 'c.xml': 'c' }) }
  ]) {
    const { stage, leftOpen, progress, staged } = await location(t)
    const stop = new AbortController()
    const reason = new Error('canceled')
    const staging = stage(files, {
      signal: stop.signal,
      onProgress(bytes) {
        progress.push(bytes)
        stop.abort(reason)
      }
    })
    await t.rejects(staging, reason)
    t.equal(progress.length, 1)
    t.ok(Object.keys(staged()).length <= 2)
    t.same(leftOpen(), [])
  }
})

t.test('an import that was canceled stages nothing', async (t) => {
  const { stage, staged } = await location(t)
  const reason = new Error('canceled')
  await t.rejects(stage(A, { signal: AbortSignal.abort(reason) }), reason)
  t.same(staged(), {})
})

/**
 * A disk whose syncs wait for this number of files, take some turns of the event loop, and then call `end`.
 * @returns how many syncs ran at the same time
 */
function slowDisk(t: Test, tree: string, end: () => void, least = 1): number[] {
  const { open } = fs.promises
  const begin = Promise.withResolvers<void>()
  const counts: number[] = []
  let pending = 0
  mock.method(fs.promises, 'open', async (...args: Parameters<typeof open>) => {
    const handle = await open(...args)
    if (args[1] !== 'r' || !String(args[0]).startsWith(tree)) return handle
    return Object.assign(handle, {
      async datasync() {
        counts.push(++pending)
        if (pending >= least) begin.resolve()
        await begin.promise
        for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
        counts.push(--pending)
        end()
      }
    })
  })
  t.teardown(() => mock.restoreAll())
  return counts
}

const numbered = (count: number) =>
  zipOf(Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index}.xml`, `${index}`])))

t.test('unpacked files are synced together, but not all at once', async (t) => {
  const { stage, tree } = await location(t)
  const counts = slowDisk(t, tree, () => {}, 16)
  await stage({ 'x.zip': numbered(60) })
  t.equal(counts.length, 120)
  t.equal(Math.max(...counts), 16)
  t.equal(counts.at(-1), 0)
})

t.test('a failed sync fails the import, after all other syncs have ended', async (t) => {
  const { stage, tree, leftOpen } = await location(t)
  const counts = slowDisk(t, tree, () => {
    throw Object.assign(new Error('the disk is broken'), { code: 'EIO' })
  })
  for (const count of [1, 3, 40]) {
    await t.rejects(stage({ 'x.zip': numbered(count) }), { code: 'EIO' }, `${count} files`)
    t.equal(counts.at(-1), 0)
    t.same(leftOpen(), [])
  }
})

t.test('an import that is stopped during syncs ends after them', async (t) => {
  const { stage, tree } = await location(t)
  const counts = slowDisk(t, tree, () => {})
  const stop = new AbortController()
  const reason = new Error('canceled')
  const onProgress = () => stop.abort(reason)
  await t.rejects(stage({ 'x.zip': numbered(3) }, { onProgress, signal: stop.signal }), reason)
  t.same(counts, [1, 0])
})

t.test('a file is copied where the file system has no hard links', async (t) => {
  const { stage, staged, tree } = await location(t, {}, { 'b.txt': 'waits' })
  const link = mock.method(fs, 'linkSync', () => {
    throw Object.assign(new Error('not here'), { code: 'EPERM' })
  })
  await stage(A)
  link.mock.restore()
  t.same(staged(), { ...A, 'b.txt': 'waits' })
  t.equal(fs.statSync(path.join(tree, 'a.uxz')).nlink, 1)
  mock.method(fs, 'linkSync', () => {
    throw Object.assign(new Error('the disk is broken'), { code: 'EIO' })
  })
  await t.rejects(stage(A), { code: 'EIO' })
  mock.restoreAll()
})

t.test('the known metadata of a package is staged with its files', async (t) => {
  const repository = { 'deep/a.xml': A['a.xml'] ?? '', 'deep/B.xml': classicXml({ fixid: 'B', payload: 'b.uxz' }) }
  const alone = await location(t, repository)
  await alone.stage({ 'a.uxz': 'x', 'b.uxz': 'y', 'c.uxz': 'z' })
  t.same(
    alone.staged(),
    { 'a.uxz': 'x', 'a.xml': repository['deep/a.xml'], 'B.xml': repository['deep/B.xml'], 'b.uxz': 'y', 'c.uxz': 'z' },
    'beside a file that was sent by itself'
  )
  const packed = await location(t, repository)
  await packed.stage({ 'repository20260102030405.zip': zipOf({ 'deep/a.uxz': 'x' }) })
  t.same(packed.staged(), { 'deep/a.uxz': 'x', 'deep/a.xml': repository['deep/a.xml'] }, 'for an archive where it lies')
  const mixed = await location(t, repository)
  await mixed.stage({ 'repository20260102030405.zip': zipOf({ '0/a.txt': 'x', 'z/a.chg': 'y' }), 'a.uxz': 'z' })
  t.equal(
    mixed.staged()['a.xml'],
    repository['deep/a.xml'],
    'beside the one that was sent by itself, if there are others'
  )
  const own = await location(t, repository)
  await own.stage({ 'a.uxz': 'x', 'a.xml': 'its own' })
  t.same(own.staged(), { 'a.uxz': 'x', 'a.xml': 'its own' })
})

t.test('known metadata with another name is staged once, and never replaces a sent file', async (t) => {
  const metadata = classicXml({ fixid: 'b', payload: 'b.uxz' })
  const other = await location(t, { 'd/other.xml': metadata })
  await other.stage({ 'b.uxz': 'x' })
  t.same(other.staged(), { 'b.uxz': 'x', 'other.xml': metadata })
  const both = await location(t, { 'd/other.xml': metadata })
  await both.stage({ 'b.uxz': 'x', 'other.xml': `${metadata}\n` })
  t.same(both.staged(), { 'b.uxz': 'x', 'other.xml': `${metadata}\n` })
  const index = JSON.stringify({
    Updates: [
      { Payload: 'one.lvt', Oem: { FixId: { Name: 'one-1' } } },
      { Payload: 'two.lvt', Oem: { FixId: { Name: 'two-1' } } }
    ],
    Oem: { Name: 'bundle-1' }
  })
  const bundle = await location(t, { 'v/bundle-1_index.json': index, 'v/one-1.txt': '1', 'v/two-1.txt': '2' })
  await bundle.stage({ 'one-1.chg': 'x', 'two-1.chg': 'y' })
  t.same(bundle.staged(), { 'one-1.chg': 'x', 'two-1.chg': 'y', 'bundle-1_index.json': index }, 'of several packages')
})

t.test('known metadata that was removed from the repository is no failure', async (t) => {
  const { stage, staged, root } = await location(t, { 'a.xml': A['a.xml'] ?? '' })
  fs.rmSync(path.join(root, 'a.xml'))
  await stage({ 'a.uxz': 'x' })
  t.same(staged(), { 'a.uxz': 'x' })
})
