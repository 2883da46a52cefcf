import fs from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { ZipRefused } from '../../../../../src/core/import/import.ts'
import { checkRelativePath } from '../../../../../src/core/storage/relative-path.ts'
import {
  readZipDirectory,
  type ZipDirectory,
  type ZipLimits
} from '../../../../../src/storage/disk/zip/zip-directory.ts'
import { extraField, type RawEntry, type RawZipOptions, rawZip } from '../../../../support/raw-zip.ts'

const MIB = 2 ** 20
const LOCAL_HEADER_SIZE = 30
const JANUARY_2025 = Date.UTC(2025, 0, 1) / 1000

/** The directory of these bytes. The caller owns the descriptor: it stays open after any error. */
async function read(t: Test, bytes: Buffer, limits?: ZipLimits): Promise<ZipDirectory> {
  const file = path.join(t.testdir(), 'a.zip')
  fs.writeFileSync(file, bytes)
  const fd = fs.openSync(file, 'r')
  try {
    return await readZipDirectory(fd, limits)
  } finally {
    fs.closeSync(fd)
  }
}

const readRaw = (t: Test, entries: readonly RawEntry[], options?: RawZipOptions) => read(t, rawZip(entries, options))

async function namesOf(t: Test, ...entries: RawEntry[]): Promise<string[]> {
  return (await readRaw(t, entries)).entries.map(({ name }) => name)
}

const refusal = (message: RegExp) => ({ name: 'ZipRefused', message })
const DAMAGED = refusal(/^it is no \.zip, is damaged or was cut off: ./)

t.test('the directory has the facts of each file, in the order of their offsets', async (t) => {
  const packed = rawZip([{ name: 'b', content: 'b'.repeat(500), isDeflated: true }])
  const deflatedSize = packed.readUInt32LE(18)
  const entries: RawEntry[] = [
    { name: 'd/b', content: 'b'.repeat(500), isDeflated: true },
    { name: 'a', content: 'content' },
    { name: 'empty' }
  ]
  const { entries: list, size, end } = await readRaw(t, entries)
  const offsets = [0, LOCAL_HEADER_SIZE + 3 + deflatedSize, LOCAL_HEADER_SIZE * 2 + 3 + deflatedSize + 1 + 7]
  const [first, second, third] = offsets
  t.same(list, [
    {
      name: 'd/b',
      size: 500,
      compressedSize: deflatedSize,
      crc32: crc32('b'.repeat(500)),
      isDeflated: true,
      modifiedAt: JANUARY_2025,
      offset: first,
      rawName: Buffer.from('d/b')
    },
    {
      name: 'a',
      size: 7,
      compressedSize: 7,
      crc32: crc32('content'),
      isDeflated: false,
      modifiedAt: JANUARY_2025,
      offset: second,
      rawName: Buffer.from('a')
    },
    {
      name: 'empty',
      size: 0,
      compressedSize: 0,
      crc32: 0,
      isDeflated: false,
      modifiedAt: JANUARY_2025,
      offset: third,
      rawName: Buffer.from('empty')
    }
  ])
  t.equal(size, 507)
  t.equal(end, (third ?? 0) + LOCAL_HEADER_SIZE + 5)
})

t.test('entries are sorted by their offsets', async (t) => {
  const length = LOCAL_HEADER_SIZE + 2
  const entries = ['a', 'b', 'c'].map((name, index) => ({ name, content: 'x', offset: (2 - index) * length }))
  t.same(await namesOf(t, ...entries), ['c', 'b', 'a'])
})

t.test('an empty archive has no files, with or without a comment', async (t) => {
  for (const options of [{}, { comment: 'nothing' }, { comment: 'x'.repeat(65_535) }, { zip64: {} }]) {
    t.match(await readRaw(t, [], options), { entries: [], size: 0, end: 0 })
  }
})

t.test('directories, and files that operating systems add, are skipped', async (t) => {
  const files = ['a.xml', 'd/a.bin', 'd/__MACOSX', 'Thumbs.db.txt', 'my-desktop.ini', 'x.DS_Store', 'd/e./f', '...x/y']
  const ignored = [
    ...['.DS_Store', 'd/.DS_Store', '._a.xml', '__MACOSX/._a.xml', '__MACOSX/d/a.xml', 'd/__macosx/a', '.git/config'],
    ...['Thumbs.db', 'd/thumbs.DB', 'desktop.ini', 'd/Desktop.ini', '...', 'd/.hidden/a']
  ]
  const directories: RawEntry[] = [
    { name: 'd/' },
    { name: 'unix/', mode: 0o040755 },
    { name: 'unix-without-slash', mode: 0o040755 },
    { name: 'dos/', mode: 0 }
  ]
  const all = [
    ...directories,
    ...ignored.map((name) => ({ name, content: 'junk' })),
    ...files.map((name) => ({ name }))
  ]
  t.same(
    await namesOf(t, ...all),
    files.filter((name) => name !== '...x/y')
  )
})

t.test('skipped entries are still refused when their names are unsafe, or they are links', async (t) => {
  for (const [entry, message] of [
    [{ name: '../' }, /leads out/],
    [{ name: '__MACOSX/../../x' }, /leads out/],
    [{ name: '.link', mode: 0o120777 }, /symbolic link/],
    [{ name: 'd/', content: 'x' }, /directory with content/],
    [{ name: `${'d'.repeat(256)}/` }, /too long/]
  ] as const) {
    await t.rejects(namesOf(t, { name: 'a' }, entry), refusal(message), entry.name)
  }
})

t.test('a name may be as long and as deep as file systems allow, and no more', async (t) => {
  const part = 'ä'.repeat(127)
  const long = [part, part, part, part].join('/')
  const deep = 'd/'.repeat(31)
  for (const name of [`${part}x`, `${long}/xxxx`, `${deep}x`]) t.same(await namesOf(t, { name }), [name])
  for (const name of [`${part}ä`, `${long}/xxxxx`, `${deep}d/x`]) {
    await t.rejects(namesOf(t, { name }), refusal(/has a name that is too long$/), name)
  }
})

t.test('a refusal quotes the beginning of a long name', async (t) => {
  const name = `"\n${'x'.repeat(199)}`
  const message = `its entry ${JSON.stringify(`${name.slice(0, 200)}…`)} leads out of the archive, or has a name that is not safe`
  await t.rejects(namesOf(t, { name }), { message })
})

t.test('names are decoded as their archive specifies', async (t) => {
  const old = Buffer.from([0x81, 0x2e, 0x62])
  const unicodePath = (name: string, ofName: Buffer) => {
    const head = Buffer.alloc(5, 1)
    head.writeUInt32LE(crc32(ofName), 1)
    return extraField(0x7075, Buffer.concat([head, Buffer.from(name)]))
  }
  t.same(await namesOf(t, { name: 'ü.b' }), ['ü.b'])
  t.same(await namesOf(t, { name: old, flags: 0 }), ['ü.b'], 'letters of MS-DOS')
  t.same(await namesOf(t, { name: old, flags: 0, extra: unicodePath('日.b', old) }), ['日.b'])
  t.same(await namesOf(t, { name: old, flags: 0, extra: unicodePath('日.b', Buffer.from('other')) }), ['ü.b'])
  const evil = { name: 'good', extra: unicodePath('../evil', Buffer.from('good')) }
  await t.rejects(namesOf(t, evil), refusal(/^its entry "\.\.\/evil" leads out/))
  await t.rejects(namesOf(t, { name: 'd\\a' }), refusal(/^its entry "d\\\\a" leads out/))
  const [entry] = (await readRaw(t, [{ name: old, flags: 0, extra: unicodePath('日.b', old) }])).entries
  t.same(entry?.rawName, old, 'and still it is looked for under what stands at its content')
})

t.test('empty parts of a name are removed before names are compared', async (t) => {
  t.same(await namesOf(t, { name: './a//b/./c' }), ['a/b/c'])
  await t.rejects(namesOf(t, { name: 'a/b' }, { name: './a//b' }), refusal(/^its entry "a\/b" occurs twice/))
  await t.rejects(namesOf(t, { name: 'a' }, { name: './A/b' }), refusal(/is in a directory that is a file$/))
  await t.rejects(
    namesOf(t, { name: 'A/b/c' }, { name: 'a/B' }),
    refusal(/^its entry "a\/B" is a file and a directory$/)
  )
})

t.test('times are whole seconds of UTC, from every kind of field', async (t) => {
  const { TZ } = process.env
  process.env.TZ = 'Asia/Kolkata'
  t.teardown(() => {
    process.env.TZ = TZ ?? 'UTC'
  })
  const posix = (seconds: number) => {
    const data = Buffer.alloc(5, 1)
    data.writeInt32LE(seconds, 1)
    return extraField(0x5455, data)
  }
  const ntfs = (ticks: bigint) => {
    const data = Buffer.alloc(32)
    data.writeUInt16LE(1, 4)
    data.writeUInt16LE(24, 6)
    data.writeBigInt64LE(ticks, 8)
    return extraField(10, data)
  }
  const dos = (year: number, month: number, day: number, hour = 0, minute = 0, second = 0) =>
    (((year - 1980) << 25) | (month << 21) | (day << 16) | (hour << 11) | (minute << 5) | (second >> 1)) >>> 0
  const since1601 = 11_644_473_600n * 10_000_000n
  const cases: [RawEntry, number][] = [
    [{ name: 'a', modified: dos(2018, 11, 12, 1, 17, 42) }, Date.UTC(2018, 10, 12, 1, 17, 42) / 1000],
    [{ name: 'a', modified: dos(1980, 1, 1) }, Date.UTC(1980, 0, 1) / 1000],
    [{ name: 'a', modified: dos(2107, 12, 31, 23, 59, 58) }, Date.UTC(2107, 11, 31, 23, 59, 58) / 1000],
    [{ name: 'a', extra: posix(1_541_985_463) }, 1_541_985_463],
    [{ name: 'a', extra: posix(-1) }, -1],
    [{ name: 'a', extra: posix(0) }, 0],
    [{ name: 'a', extra: ntfs(since1601 + 15_419_854_639_900_000n) }, 1_541_985_463],
    [{ name: 'a', extra: ntfs(since1601 - 5_000_000n) }, -1],
    // A year that does not exist.
    [{ name: 'a', extra: ntfs(2n ** 63n - 1n) }, Date.UTC(30_828, 8, 14, 2, 48, 5) / 1000],
    [{ name: 'a', extra: ntfs(-(2n ** 63n)) }, Math.floor((Number(-(2n ** 63n)) / 10_000 - 11_644_473_600_000) / 1000)],
    [{ name: 'a', extra: extraField(0x5455, Buffer.from([1, 2])) }, JANUARY_2025],
    [{ name: 'a', extra: extraField(10, Buffer.alloc(31, 1)) }, JANUARY_2025]
  ]
  for (const [entry, seconds] of cases) {
    t.equal((await readRaw(t, [entry])).entries[0]?.modifiedAt, seconds, `${seconds}`)
  }
  // No day, no month, 31 hours, 63 minutes.
  for (const modified of [0, 0xffffffff]) {
    t.ok(Number.isSafeInteger((await readRaw(t, [{ name: 'a', modified }])).entries[0]?.modifiedAt))
  }
})

t.test('an archive with too many entries of any kind is refused', async (t) => {
  const limits = { maxEntries: 3, maxRatio: 100, freeBytes: 100 }
  const entries = [{ name: 'a' }, { name: 'd/' }, { name: '.hidden' }]
  t.equal((await read(t, rawZip(entries), limits)).entries.length, 1)
  await t.rejects(
    read(t, rawZip([...entries, { name: 'e/' }]), limits),
    refusal(/^it has 4 entries, and at most 3 are accepted$/)
  )
})

t.test('an archive with more entries than it records is refused: some files would be missing', async (t) => {
  const entries = [{ name: 'a.xml', content: 'x' }, { name: 'a.uxz', content: 'y' }, { name: 'd/' }]
  for (const entryCount of [0, 1, 2]) {
    await t.rejects(readRaw(t, entries, { entryCount }), DAMAGED, `${entryCount} of 3`)
    await t.rejects(readRaw(t, entries, { entryCount: 3, zip64: { entryCount: BigInt(entryCount) } }), DAMAGED)
  }
  // As written by a program that counts with only 16 bits.
  const many = Array.from({ length: 65_537 }, (_, index) => ({ name: `${index}` }))
  await t.rejects(readRaw(t, many, { entryCount: 1 }), DAMAGED)
  t.equal((await readRaw(t, entries, { comment: 'PK\u0001\u0002' })).entries.length, 2)
})

t.test('content above the always accepted size may exceed its packed size by the limit only', async (t) => {
  const limits = { maxEntries: 10, maxRatio: 3, freeBytes: 1_000 }
  const entry = (name: string, size: number, packed: number) => ({
    name,
    size,
    method: 8,
    content: Buffer.alloc(packed)
  })
  const accepted: [number, number][][] = [
    [[1_000, 1]],
    [[3_000, 1_000]],
    [
      [500, 1],
      [500, 1]
    ],
    [
      [1_000, 1],
      [4, 400]
    ],
    [
      [1_500, 500],
      [3_000, 1_000]
    ]
  ]
  const refused: [number, number][][] = [
    [[1_001, 1]],
    [[3_001, 1_000]],
    [
      [1_001, 1],
      [0, 3_000]
    ],
    [
      [1_000, 1],
      [1, 1]
    ],
    [
      [1_000, 333],
      [1_000, 333]
    ]
  ]
  const zip = (sizes: readonly [number, number][]) =>
    rawZip(sizes.map(([size, packed], index) => entry(`${index}`, size, packed)))
  for (const sizes of accepted) {
    const { size } = await read(t, zip(sizes), limits)
    t.equal(
      size,
      sizes.reduce((sum, [bytes]) => sum + bytes, 0),
      JSON.stringify(sizes)
    )
  }
  for (const sizes of refused) {
    await t.rejects(read(t, zip(sizes), limits), refusal(/would be more than 3 times as large/), JSON.stringify(sizes))
  }
})

t.test('sizes and offsets of ZIP64 are read, and impossible ones are refused', async (t) => {
  const stored = { name: 'a', content: 'abcde', size: 0xffffffff, compressedSize: 0xffffffff }
  const [entry] = (await readRaw(t, [{ ...stored, offset: 0xffffffff, zip64: [5n, 5n, 0n] }], { zip64: {} })).entries
  t.match(entry, { size: 5, compressedSize: 5, offset: 0 })
  const huge = (1n << 64n) - 1n
  const deflated = { ...stored, method: 8 }
  for (const [entry, message] of [
    [{ ...stored, zip64: [1n << 40n, 1n << 40n] }, /overlaps/],
    [{ ...stored, zip64: [huge, huge] }, /overlaps/],
    [{ ...deflated, zip64: [5n, huge] }, /overlaps/],
    [{ ...deflated, zip64: [huge, 5n] }, /more than 100 times/],
    [{ ...deflated, zip64: [1n << 40n, 5n] }, /more than 100 times/],
    [{ ...stored, offset: 0xffffffff, zip64: [5n, 5n, huge] }, /overlaps/],
    [{ ...stored, zip64: [5n] }, /zip64/],
    [{ ...stored, zip64: [] }, /overlaps/]
  ] as const) {
    await t.rejects(readRaw(t, [entry]), refusal(message), `${entry.zip64}`)
  }
})

t.test('content may end at the directory or at the next file, and no later', async (t) => {
  const content = 'x'.repeat(100)
  const ending = { name: 'a', content, size: 101, compressedSize: 101 }
  for (const entries of [[ending], [ending, { name: 'b' }]]) {
    await t.rejects(readRaw(t, entries), refusal(/^its entry "a" overlaps with another part of the archive$/))
  }
  const twice = [{ name: 'a' }, { name: 'b', offset: 0 }]
  await t.rejects(readRaw(t, twice), refusal(/overlaps/), 'not even without content')
})

t.test('an archive that is truncated at any position is refused', async (t) => {
  const whole = rawZip([{ name: 'a', content: 'content' }, { name: 'd/' }, { name: 'b', content: 'x' }], { zip64: {} })
  for (let length = 0; length < whole.length; length += 1) {
    await t.rejects(read(t, whole.subarray(0, length)), DAMAGED, `${length} bytes`)
  }
  await t.rejects(read(t, Buffer.concat([whole, Buffer.from('more')])), DAMAGED, 'nor may more follow')
})

t.test('a file that is no .zip is refused', async (t) => {
  for (const bytes of [Buffer.alloc(MIB), Buffer.alloc(21, 'PK'), Buffer.from('PK\u0005\u0006')]) {
    await t.rejects(read(t, bytes), DAMAGED, `${bytes.length} bytes`)
  }
})

t.test('a directory is refused as a .zip with the reason', async (t) => {
  const fd = fs.openSync(t.testdir(), 'r')
  t.teardown(() => fs.closeSync(fd))
  await t.rejects(readZipDirectory(fd), refusal(/EISDIR/))
})

const SOUND = rawZip(
  [
    { name: 'a.xml', content: 'content of a', isDeflated: true },
    { name: 'd/', mode: 0o040755 },
    { name: 'd/b.uxz', content: 'b'.repeat(100), extra: extraField(0x5455, Buffer.alloc(5, 1)) },
    { name: Buffer.from([0x81]), flags: 0, extra: extraField(10, Buffer.alloc(32, 1)), zip64: [1n, 2n, 3n] }
  ],
  { zip64: {}, comment: 'comment' }
)

t.test('any bytes lead to a valid directory or a refusal', async (t) => {
  const change = fc.record({
    position: fc.nat(SOUND.length - 1),
    bytes: fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 8 }), fc.constant(new Uint8Array(8).fill(255)))
  })
  const isSound = async (changes: readonly { position: number; bytes: Uint8Array }[]) => {
    const bytes = Buffer.from(SOUND)
    for (const { position, bytes: changed } of changes)
      bytes.set(changed.subarray(0, bytes.length - position), position)
    try {
      const { entries, size, end } = await read(t, bytes)
      return (
        entries.every(({ name }) => name === checkRelativePath(name)) &&
        new Set(entries.map(({ name }) => name.toLowerCase())).size === entries.length &&
        entries.every(({ offset }, index) => offset > (entries[index - 1]?.offset ?? -1)) &&
        entries.every(({ offset, compressedSize }) => offset + compressedSize <= end) &&
        entries.every(({ modifiedAt }) => Number.isSafeInteger(modifiedAt)) &&
        size === entries.reduce((sum, entry) => sum + entry.size, 0) &&
        end <= bytes.length
      )
    } catch (error) {
      return error instanceof ZipRefused
    }
  }
  await t.resolves(
    fc.assert(fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), isSound), { numRuns: 2_000 })
  )
})
