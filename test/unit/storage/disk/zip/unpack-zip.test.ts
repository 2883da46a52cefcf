import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { mock } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { ZipRefused } from '../../../../../src/core/import/import.ts'
import { WRITE_BYTES } from '../../../../../src/storage/disk/writer/write-digested.ts'
import { type UnpackedFile, unpackZip } from '../../../../../src/storage/disk/zip/unpack-zip.ts'
import { readZipDirectory } from '../../../../../src/storage/disk/zip/zip-directory.ts'
import { contentsOf, writeFiles } from '../../../../support/depot.ts'
import { openFilesBelow } from '../../../../support/open-files.ts'
import { extraField, type RawEntry, rawZip, zipOf } from '../../../../support/raw-zip.ts'
import { expectedArchive, MODIFIED_AT, patternOf } from '../../../../support/zip/pack.ts'

const INFLATE_BYTES = 256 * 1024

interface Prepared {
  readonly directory: string
  /** All reported files, in order. */
  readonly reported: UnpackedFile[]
  unpack(archive: Buffer, onFile?: (file: UnpackedFile) => Promise<void>): Promise<void>
  /** By name. */
  contents(): Record<string, string>
}

function prepare(t: Test): Prepared {
  const root = fs.realpathSync(t.testdir({ files: {} }))
  const directory = path.join(root, 'files')
  const reported: UnpackedFile[] = []
  return {
    directory,
    reported,
    async unpack(archive, onFile = async () => {}) {
      fs.writeFileSync(path.join(root, 'archive'), archive)
      const fd = fs.openSync(path.join(root, 'archive'), 'r')
      try {
        await unpackZip(fd, await readZipDirectory(fd), directory, async (file) => {
          reported.push(file)
          await onFile(file)
        })
      } finally {
        fs.closeSync(fd)
      }
      if (openFilesBelow(root).length > 0) throw new Error('Something stays open')
    },
    contents: () => contentsOf(directory)
  }
}

const refusal = (message: RegExp) => ({ name: 'ZipRefused', message })

/** Unhandled errors from now on: they would end a process. */
function listenForUnhandled(t: Test): unknown[] {
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown) => unhandled.push(reason)
  for (const event of ['unhandledRejection', 'uncaughtException']) {
    process.on(event, onUnhandled)
    t.teardown(() => process.off(event, onUnhandled))
  }
  return unhandled
}

async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

const SIZES = [1, INFLATE_BYTES, WRITE_BYTES, 2 * WRITE_BYTES, 3 * WRITE_BYTES].flatMap((size) => [
  size - 1,
  size,
  size + 1
])

t.test('files of any size are unpacked unchanged, stored or deflated, with their digests', async (t) => {
  const { unpack, reported, directory } = prepare(t)
  const entries = SIZES.flatMap((size) => {
    const random = randomBytes(size)
    return [
      { name: `stored/${size}`, content: random },
      { name: `random/${size}`, content: random, isDeflated: true },
      { name: `pattern/${size}`, content: patternOf(size, 1), isDeflated: true }
    ]
  })
  await unpack(rawZip(entries))
  t.same(
    reported,
    entries.map(({ name, content }) => ({
      name,
      size: content.length,
      crc32: crc32(content),
      sha256: createHash('sha256').update(content).digest('hex')
    }))
  )
  for (const { name, content } of entries) {
    t.ok(fs.readFileSync(path.join(directory, name)).equals(content), name)
  }
})

t.test('a packed export is unpacked unchanged, with its times', async (t) => {
  const { unpack, directory } = prepare(t)
  const contents = { 'a.xml': Buffer.from('a'), 'd/e/ä.uxz': patternOf(100_000, 2), empty: Buffer.alloc(0) }
  await unpack(expectedArchive(contents))
  for (const [name, content] of Object.entries(contents)) {
    t.ok(fs.readFileSync(path.join(directory, name)).equals(content), name)
    t.equal(fs.statSync(path.join(directory, name)).mtimeMs, MODIFIED_AT * 1000)
  }
})

t.test('an unpacked file has its recorded time, also before 1970', async (t) => {
  const { unpack, directory } = prepare(t)
  const times = [-2_000_000_000, -1, 0, 1, 2_147_483_647]
  const extra = (seconds: number) => {
    const data = Buffer.alloc(5, 1)
    data.writeInt32LE(seconds, 1)
    return extraField(0x5455, data)
  }
  await unpack(rawZip(times.map((seconds) => ({ name: `${seconds}`, extra: extra(seconds) }))))
  for (const seconds of times) t.equal(fs.statSync(path.join(directory, `${seconds}`)).mtimeMs, seconds * 1000)
})

t.test('a file with an impossible time is not refused', async (t) => {
  const { unpack, contents } = prepare(t)
  const extra = (ticks: bigint) => {
    const data = Buffer.alloc(32)
    data.writeUInt32LE(0x180001, 4)
    data.writeBigInt64LE(ticks, 8)
    return extraField(10, data)
  }
  await unpack(
    rawZip([
      { name: 'far', content: 'x', extra: extra(2n ** 63n - 1n) },
      { name: 'early', content: 'y', extra: extra(-(2n ** 63n)) }
    ])
  )
  t.same(contents(), { far: 'x', early: 'y' })
})

t.test('content is found after any extra fields', async (t) => {
  const { unpack, contents } = prepare(t)
  const extra = extraField(0xcafe, Buffer.alloc(300, 1))
  const [first, second] = [
    { name: 'a', content: 'content of a', localExtra: extra },
    { name: 'b', content: 'content of b', isDeflated: true }
  ]
  await unpack(rawZip([first, { name: 'd/', localExtra: extra }, { name: '.junk', content: 'junk' }, second]))
  t.same(contents(), { a: 'content of a', b: 'content of b' })
})

t.test('files are unpacked in the order of their offsets, not in that of the directory', async (t) => {
  const { unpack, reported, contents } = prepare(t)
  const offset = 30 + 1 + 12
  const listed = rawZip([
    { name: 'b', localName: 'a', content: 'content of a', crc32: crc32('content of b'), offset },
    { name: 'a', localName: 'b', content: 'content of b', crc32: crc32('content of a'), offset: 0 }
  ])
  await unpack(listed)
  t.same(contents(), { a: 'content of a', b: 'content of b' })
  t.same(
    reported.map(({ name }) => name),
    ['a', 'b']
  )
})

t.test('an extra field that reaches into the next file is refused', async (t) => {
  const zip = rawZip([{ name: 'a', content: 'a' }, { name: 'b', content: 'b' }, { name: '.hidden' }])
  for (const [offset, name, length] of [
    [0, 'a', 1],
    [32, 'b', 65_535]
  ] as const) {
    const lying = Buffer.from(zip)
    lying.writeUInt16LE(length, offset + 28)
    await t.rejects(prepare(t).unpack(lying), refusal(new RegExp(`^its entry "${name}" overlaps`)))
  }
})

t.test('content beyond four gigabytes is found', async (t) => {
  const { directory, contents } = prepare(t)
  const file = path.join(directory, '../large')
  const far = 2 ** 32 + 5
  const local = rawZip([{ name: 'far', content: 'far away', isDeflated: true }])
  const list = rawZip(
    [
      {
        name: 'far',
        content: 'far away',
        isDeflated: true,
        offset: 0xffffffff,
        size: 0xffffffff,
        compressedSize: 0xffffffff,
        zip64: [8n, BigInt(local.readUInt32LE(18)), BigInt(far)]
      }
    ],
    { zip64: { directoryOffset: BigInt(far + 100), endOffset: 0n } }
  )
  const directoryStart = list.indexOf('PK\u0001\u0002')
  const tail = Buffer.from(list.subarray(directoryStart))
  const record = tail.indexOf('PK\u0006\u0006')
  tail.writeBigUInt64LE(BigInt(far + 100 + record), tail.indexOf('PK\u0006\u0007') + 8)
  const fd = fs.openSync(file, 'w+')
  try {
    fs.writeSync(fd, local, 0, local.indexOf('PK\u0001\u0002'), far)
    fs.writeSync(fd, tail, 0, tail.length, far + 100)
    const list = await readZipDirectory(fd)
    t.match(list, { entries: [{ name: 'far', size: 8, offset: far }], end: far + 100 })
    await unpackZip(fd, list, directory, async () => {})
  } finally {
    fs.closeSync(fd)
    fs.rmSync(file)
  }
  t.same(contents(), { far: 'far away' })
})

t.test('no more bytes are written than recorded, and files unpacked before are kept', async (t) => {
  for (const isDeflated of [true, false]) {
    const { unpack, reported, contents, directory } = prepare(t)
    const content = randomBytes(3 * WRITE_BYTES)
    const size = 2 * WRITE_BYTES + 5
    const lying = { name: 'large', content, size, isDeflated, ...(isDeflated ? {} : { method: 8 }) }
    await t.rejects(unpack(rawZip([{ name: 'a', content: 'a' }, lying, { name: 'z' }])), refusal(/^its entry "large"/))
    t.match(contents(), { a: 'a' })
    t.notOk(fs.existsSync(path.join(directory, 'z')))
    t.ok(fs.statSync(path.join(directory, 'large')).size <= size)
    t.same(
      reported.map(({ name }) => name),
      ['a']
    )
  }
})

t.test('a deflate stream that ends too early, or continues after its end, is refused', async (t) => {
  const content = randomBytes(600_000)
  const whole = rawZip([{ name: 'a', content, isDeflated: true }])
  const packed = whole.subarray(31, 31 + whole.readUInt32LE(18))
  const entry = (content: Buffer, more: Partial<RawEntry> = {}) =>
    rawZip([{ name: 'a', content, method: 8, size: 600_000, crc32: crc32(Buffer.from('')), ...more }])
  for (const length of [0, 1, 1_000, packed.length - 1]) {
    await t.rejects(
      prepare(t).unpack(entry(packed.subarray(0, length))),
      refusal(/^its entry "a" is damaged$/),
      `${length}`
    )
  }
  const { unpack, contents } = prepare(t)
  await unpack(entry(Buffer.concat([packed, Buffer.alloc(5_000, 'more')]), { crc32: crc32(content) }))
  t.equal(contents().a, content.toString('latin1'), 'what follows the end of a stream is nothing')
  await t.rejects(prepare(t).unpack(entry(packed)), refusal(/^its entry "a" has another CRC-32 than is recorded$/))
})

t.test('a file is reported when it is complete, and an error of the report ends the unpacking', async (t) => {
  const { unpack, directory, contents } = prepare(t)
  const files = { a: 'content of a', 'd/b': 'content of b', 'd/c': 'content of c' }
  const stop = new Error('canceled')
  const seen: string[] = []
  const onFile = async ({ name }: UnpackedFile) => {
    seen.push(fs.readFileSync(path.join(directory, name), 'utf8'))
    await someTurns()
    t.equal(Object.keys(contents()).length, seen.length, 'nothing else is unpacked meanwhile')
    if (seen.length === 2) throw stop
  }
  await t.rejects(unpack(zipOf(files), onFile), stop)
  t.same(seen, ['content of a', 'content of b'])
  t.same(contents(), { a: 'content of a', 'd/b': 'content of b' })
})

t.test("an existing file or link is the system's error, and is not written to", async (t) => {
  const { unpack, directory, contents } = prepare(t)
  const outside = path.join(directory, '../outside')
  writeFiles(directory, { 'a/b': 'old', c: 'old' })
  fs.symlinkSync(outside, path.join(directory, 'link'))
  for (const [name, code] of [
    ['a/b', 'EEXIST'],
    ['a', 'EEXIST'],
    ['c/d', 'EEXIST'],
    ['c/d/e', 'ENOTDIR'],
    ['link', 'EEXIST']
  ] as const) {
    await t.rejects(unpack(zipOf({ [name]: 'new' })), { code }, name)
  }
  t.same(contents(), { 'a/b': 'old', c: 'old' })
  t.notOk(fs.existsSync(outside))
})

t.test('an archive that becomes shorter meanwhile is an error, and not a refusal', async (t) => {
  for (const isDeflated of [true, false]) {
    const { directory, contents } = prepare(t)
    const file = path.join(directory, '../shrinking')
    const content = randomBytes(2 * WRITE_BYTES)
    fs.writeFileSync(file, rawZip([{ name: 'a' }, { name: 'b', content, isDeflated }]))
    const fd = fs.openSync(file, 'r+')
    try {
      const list = await readZipDirectory(fd)
      const onFile = async () => fs.ftruncateSync(fd, WRITE_BYTES)
      const unpacking = unpackZip(fd, list, directory, onFile)
      await t.rejects(unpacking, { name: 'RangeError', message: 'the archive has become shorter' })
    } finally {
      fs.closeSync(fd)
    }
    t.match(contents(), { a: '' })
  }
})

t.test("a disk that becomes unreadable is the system's error", async (t) => {
  for (const isDeflated of [true, false]) {
    const { directory } = prepare(t)
    const file = path.join(directory, '../broken')
    fs.writeFileSync(file, rawZip([{ name: 'a', content: randomBytes(2 * WRITE_BYTES), isDeflated }]))
    const fd = fs.openSync(file, 'r')
    const list = await readZipDirectory(fd)
    const { readSync } = fs
    let reads = 0
    mock.method(fs, 'readSync', (...args: Parameters<typeof readSync>) => {
      reads += 1
      if (reads > 2) throw Object.assign(new Error('the disk is broken'), { code: 'EIO' })
      return readSync(...args)
    })
    await t.rejects(
      unpackZip(fd, list, directory, async () => {}),
      { code: 'EIO' }
    )
    mock.restoreAll()
    fs.closeSync(fd)
  }
})

t.test('after unpacking has ended or failed, nothing is read any more', async (t) => {
  const unhandled = listenForUnhandled(t)
  const content = randomBytes(6 * WRITE_BYTES)
  const { readSync } = fs
  let reads = 0
  mock.method(fs, 'readSync', (...args: Parameters<typeof readSync>) => {
    reads += 1
    return readSync(...args)
  })
  t.teardown(() => mock.restoreAll())
  const damaged = rawZip([{ name: 'a', content, isDeflated: true }])
  damaged.fill(0xff, 2 * WRITE_BYTES, 2 * WRITE_BYTES + 1_000)
  for (const [title, archive] of Object.entries({
    damaged,
    'too large': rawZip([{ name: 'a', content, isDeflated: true, size: WRITE_BYTES }]),
    'with another CRC-32': rawZip([{ name: 'a', content, isDeflated: true, crc32: 1 }])
  })) {
    const { unpack } = prepare(t)
    await t.rejects(unpack(archive), ZipRefused, title)
    const before = reads
    await someTurns()
    t.equal(reads, before, title)
  }
  t.same(unhandled, [])
})

t.test('short reads of the system are repeated until all bytes are read', async (t) => {
  const { unpack, contents } = prepare(t)
  const files = { stored: patternOf(3 * WRITE_BYTES + 7, 1), deflated: patternOf(WRITE_BYTES, 2) }
  const archive = rawZip([
    { name: 'stored', content: files.stored },
    { name: 'deflated', content: files.deflated, isDeflated: true }
  ])
  const { readSync } = fs
  const few = (fd: number, target: Buffer, offset: number, length: number, position: number) =>
    readSync(fd, target, offset, Math.min(length, 5 + (position % 70_000)), position)
  mock.method(fs, 'readSync', few as typeof readSync)
  t.teardown(() => mock.restoreAll())
  await unpack(archive)
  mock.restoreAll()
  for (const [name, content] of Object.entries(files)) t.equal(contents()[name], content.toString('latin1'), name)
})

const part = fc
  .string({ unit: fc.constantFrom(...'abäß日 -_.1'), minLength: 1, maxLength: 6 })
  .filter((part) => !part.startsWith('.'))
const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const content = fc.oneof(
  fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)),
  fc.nat(300_000).map((size) => patternOf(size, size))
)
const file = fc.record({ name, content, isDeflated: fc.boolean() })
/** Files with distinct names, of which none is the name of a directory. */
const tree = fc
  .uniqueArray(file, { maxLength: 8, selector: ({ name }) => name.toLowerCase() })
  .map((all) => all.filter(({ name }) => !all.some((other) => other.name.startsWith(`${name}/`))))

t.test('any files are unpacked unchanged', async (t) => {
  const { unpack, contents, directory } = prepare(t)
  const areSame = async (files: readonly RawEntry[]) => {
    fs.rmSync(directory, { recursive: true, force: true })
    fs.mkdirSync(directory)
    await unpack(rawZip(files))
    const expected = files.map(({ name, content }) => [name, content?.toString('latin1')])
    return isDeepStrictEqual(contents(), Object.fromEntries(expected))
  }
  await t.resolves(fc.assert(fc.asyncProperty(tree, areSame), { numRuns: 100 }))
})

const FILES: Readonly<Record<string, Buffer>> = {
  'a.xml': Buffer.from('<INSTANCE/>'),
  'd/a.uxz': patternOf(3_000, 1),
  'd/b.uxz': randomBytes(500),
  'e/c.txt': Buffer.from('c')
}
const WHOLE = rawZip(
  Object.entries(FILES).map(([name, content], index) => ({ name, content, isDeflated: index % 2 === 1 })),
  { comment: 'comment' }
)

/** Whether the reported files are the packed ones; undefined when the archive was refused. */
async function unpackChanged({ unpack, directory, reported }: Prepared, archive: Buffer): Promise<boolean | undefined> {
  fs.rmSync(directory, { recursive: true, force: true })
  reported.length = 0
  const areTrue = () =>
    reported.every(({ name }) => FILES[name]?.equals(fs.readFileSync(path.join(directory, name))) === true)
  try {
    await unpack(archive)
    return areTrue()
  } catch (error) {
    if (!(error instanceof ZipRefused) || !areTrue()) throw error
    return undefined
  }
}

t.test('a part of an archive is never accepted as a whole one', async (t) => {
  const here = prepare(t)
  const isRefused = async (length: number) => (await unpackChanged(here, WHOLE.subarray(0, length))) === undefined
  await t.resolves(fc.assert(fc.asyncProperty(fc.nat(WHOLE.length - 1), isRefused), { numRuns: 200 }))
})

t.test('after damage to any byte, no file is unpacked with changed content', async (t) => {
  const here = prepare(t)
  const change = fc.record({ position: fc.nat(WHOLE.length - 1), mask: fc.integer({ min: 1, max: 255 }) })
  let refused = 0
  const isTrue = async (changes: readonly { position: number; mask: number }[]) => {
    const archive = Buffer.from(WHOLE)
    for (const { position, mask } of changes) archive[position] = (archive[position] ?? 0) ^ mask
    const outcome = await unpackChanged(here, archive)
    if (outcome === undefined) refused += 1
    return outcome !== false
  }
  const changes = fc.array(change, { minLength: 1, maxLength: 2 })
  await t.resolves(fc.assert(fc.asyncProperty(changes, isTrue), { numRuns: 500 }))
  t.ok(refused > 100, `${refused} were refused`)
})

t.test('damage to a stored file is always found', async (t) => {
  const here = prepare(t)
  const stored = zipOf(FILES)
  const end = stored.indexOf('PK\u0001\u0002')
  const unread = new Set<number>()
  // Only the names and lengths in local headers are checked.
  for (let start = 0; start >= 0; start = stored.indexOf('PK\u0003\u0004', start + 1)) {
    for (let offset = 4; offset < 26; offset += 1) unread.add(start + offset)
  }
  const position = fc.nat(end - 1).filter((position) => !unread.has(position))
  const isRefused = async (position: number, mask: number) => {
    const archive = Buffer.from(stored)
    archive[position] = (archive[position] ?? 0) ^ mask
    return (await unpackChanged(here, archive)) === undefined
  }
  const mask = fc.integer({ min: 1, max: 255 })
  await t.resolves(fc.assert(fc.asyncProperty(position, mask, isRefused), { numRuns: 400 }))
})
