import fc from 'fast-check'
import t from 'tap'
import {
  centralHeaderSize,
  type EntryFacts,
  encodeCentralHeader,
  encodeEnd,
  encodeLocalHeader,
  endSize,
  localHeaderSize
} from '../../../src/zip/layout.ts'

const MAX_UINT32 = 0xffffffff
const entryOf = (more: Partial<EntryFacts> = {}): EntryFacts => ({
  path: 'a/é.uxz',
  size: 5,
  crc32: 0xcafe1234,
  modifiedAt: Date.UTC(2018, 10, 12, 1, 17, 43) / 1000,
  ...more
})

/** Little-endian hex of a number with this many bytes. */
function le(bytes: number, value: number): string {
  const buffer = Buffer.alloc(8)
  buffer.writeBigUInt64LE(BigInt(value))
  return buffer.subarray(0, bytes).toString('hex')
}

const NAME = Buffer.from('a/é.uxz').toString('hex')
/** 2018-11-12 01:17:42, since the DOS time has steps of two seconds. */
const DOS = le(2, (1 << 11) | (17 << 5) | 21) + le(2, (38 << 9) | (11 << 5) | 12)
const EXACT = `5554${le(2, 5)}01${le(4, entryOf().modifiedAt)}`

t.test('every field of a local header is as APPNOTE 4.3.7 specifies', async (t) => {
  const fields = [
    '504b0304', // signature
    le(2, 10), // version needed to extract
    le(2, 0x0800), // flags: UTF-8, and no data descriptor
    le(2, 0), // method: stored
    DOS,
    le(4, 0xcafe1234),
    le(4, 5), // compressed size
    le(4, 5), // uncompressed size
    le(2, 8), // length of the name
    le(2, 9), // length of the extra fields
    NAME,
    EXACT
  ]
  t.equal(encodeLocalHeader(entryOf()).toString('hex'), fields.join(''))
})

t.test('every field of a central header is as APPNOTE 4.3.12 specifies', async (t) => {
  const fields = [
    '504b0102', // signature
    '2d03', // made by version 4.5 on Unix
    le(2, 10), // version needed to extract
    le(2, 0x0800), // flags
    le(2, 0), // method
    DOS,
    le(4, 0xcafe1234),
    le(4, 5), // compressed size
    le(4, 5), // uncompressed size
    le(2, 8), // length of the name
    le(2, 9), // length of the extra fields
    le(2, 0), // length of the comment
    le(2, 0), // disk
    le(2, 0), // internal attributes
    le(2, 0), // external attributes: the lower half is that of DOS,
    le(2, 0o100644), // the upper half the Unix mode
    le(4, 0x12345678), // offset of the local header
    NAME,
    EXACT
  ]
  t.equal(encodeCentralHeader(entryOf(), 0x12345678).toString('hex'), fields.join(''))
})

t.test('every field of the end record is as APPNOTE 4.3.16 specifies', async (t) => {
  const disks = le(2, 0) + le(2, 0)
  const fields = ['504b0506', disks, le(2, 3), le(2, 3), le(4, 0x150), le(4, 0x1234), le(2, 0)]
  t.equal(encodeEnd({ entryCount: 3, offset: 0x1234, size: 0x150 }).toString('hex'), fields.join(''))
})

t.test('a size needs ZIP64 from 0xFFFFFFFF on', async (t) => {
  const local = encodeLocalHeader(entryOf({ size: MAX_UINT32 - 1 })).toString('hex')
  t.equal(
    local,
    encodeLocalHeader(entryOf())
      .toString('hex')
      .replaceAll(le(4, 5), le(4, MAX_UINT32 - 1))
  )
  const central = encodeCentralHeader(entryOf({ size: MAX_UINT32 - 1 }), 7)
  t.equal(central.length, encodeCentralHeader(entryOf(), 7).length)
  t.equal(central.readUInt16LE(6), 10)

  for (const size of [MAX_UINT32, MAX_UINT32 + 1, 2 ** 40]) {
    const zip64 = le(2, 1) + le(2, 16) + le(8, size) + le(8, size)
    const local = encodeLocalHeader(entryOf({ size }))
    t.equal(local.subarray(4, 6).toString('hex'), le(2, 45))
    t.equal(local.subarray(18, 30).toString('hex'), 'ffffffff'.repeat(2) + le(2, 8) + le(2, 29))
    t.equal(local.subarray(30).toString('hex'), NAME + EXACT + zip64)
    const central = encodeCentralHeader(entryOf({ size }), 7)
    t.equal(central.subarray(6, 8).toString('hex'), le(2, 45))
    t.equal(central.subarray(20, 32).toString('hex'), 'ffffffff'.repeat(2) + le(2, 8) + le(2, 29))
    t.equal(central.subarray(42).toString('hex'), le(4, 7) + NAME + EXACT + zip64)
  }
})

t.test('an offset needs ZIP64 from 0xFFFFFFFF on, only in the central header', async (t) => {
  const plain = encodeCentralHeader(entryOf(), MAX_UINT32 - 1)
  t.equal(plain.subarray(42).toString('hex'), le(4, MAX_UINT32 - 1) + NAME + EXACT)
  for (const offset of [MAX_UINT32, MAX_UINT32 + 1, 2 ** 40]) {
    const central = encodeCentralHeader(entryOf(), offset)
    t.equal(central.readUInt16LE(6), 45)
    t.equal(central.subarray(20, 32).toString('hex'), le(4, 5) + le(4, 5) + le(2, 8) + le(2, 21))
    t.equal(central.subarray(42).toString('hex'), `ffffffff${NAME}${EXACT}${le(2, 1)}${le(2, 8)}${le(8, offset)}`)
  }
})

t.test('sizes and offset share one ZIP64 field, in the order of APPNOTE 4.5.3', async (t) => {
  const central = encodeCentralHeader(entryOf({ size: 2 ** 33 }), 2 ** 34)
  const zip64 = le(2, 1) + le(2, 24) + le(8, 2 ** 33) + le(8, 2 ** 33) + le(8, 2 ** 34)
  t.equal(central.subarray(42).toString('hex'), `ffffffff${NAME}${EXACT}${zip64}`)
})

/** The ZIP64 records, then the plain end record with the maximum for every number that does not fit. */
function zip64End(count: number, offset: number, size: number): string {
  const disks32 = le(4, 0) + le(4, 0)
  const end = [
    '504b0606',
    le(8, 44),
    '2d03',
    le(2, 45),
    disks32,
    le(8, count),
    le(8, count),
    le(8, size),
    le(8, offset)
  ]
  const locator = ['504b0607', le(4, 0), le(8, offset + size), le(4, 1)]
  const short = le(2, Math.min(count, 0xffff))
  const figures = [short, short, le(4, Math.min(size, MAX_UINT32)), le(4, Math.min(offset, MAX_UINT32))]
  return [...end, ...locator, '504b0506', le(4, 0), ...figures, le(2, 0)].join('')
}

t.test('the end needs ZIP64 records from 65,535 entries, or an offset or size of 0xFFFFFFFF, on', async (t) => {
  for (const [entryCount, offset, size] of [
    [65_534, 70, 50],
    [0, 0, 0],
    [1, MAX_UINT32 - 1, 50],
    [1, 70, MAX_UINT32 - 1]
  ] as const) {
    t.equal(encodeEnd({ entryCount, offset, size }).length, 22, `${entryCount} ${offset} ${size}`)
  }
  for (const [entryCount, offset, size] of [
    [65_535, 70, 50],
    [65_536, 70, 50],
    [1, MAX_UINT32, 50],
    [1, MAX_UINT32 + 1, 50],
    [1, 70, MAX_UINT32],
    [2 ** 33, 2 ** 40, 2 ** 41]
  ] as const) {
    const end = encodeEnd({ entryCount, offset, size })
    t.equal(end.toString('hex'), zip64End(entryCount, offset, size), `${entryCount} ${offset} ${size}`)
  }
})

function timesOf(iso: string): { dos: string; exact: number | undefined } {
  const header = encodeLocalHeader(entryOf({ modifiedAt: Date.parse(iso) / 1000 }))
  const [time, date] = [header.readUInt16LE(10), header.readUInt16LE(12)]
  const parts = [date & 31, time >> 11, (time >> 5) & 63, (time & 31) * 2].map((part) => String(part).padStart(2, '0'))
  const month = String((date >> 5) & 15).padStart(2, '0')
  const exact = header.length > 38 ? header.readInt32LE(header.length - 4) : undefined
  return { dos: `${1980 + (date >> 9)}-${month}-${parts[0]} ${parts.slice(1).join(':')}`, exact }
}

t.test('each field contains the time as precisely as it can', async (t) => {
  const cases: [time: string, dos: string, isExact: boolean][] = [
    ['2018-11-12T01:17:42Z', '2018-11-12 01:17:42', true],
    ['2018-11-12T01:17:43Z', '2018-11-12 01:17:42', true],
    ['2024-02-29T23:59:59Z', '2024-02-29 23:59:58', true],
    ['1980-01-01T00:00:00Z', '1980-01-01 00:00:00', true],
    ['1979-12-31T23:59:59Z', '1980-01-01 00:00:00', true],
    ['1970-01-01T00:00:00Z', '1980-01-01 00:00:00', true],
    ['1969-12-31T23:59:59Z', '1980-01-01 00:00:00', false],
    ['0001-01-01T00:00:00Z', '1980-01-01 00:00:00', false],
    ['2038-01-19T03:14:07Z', '2038-01-19 03:14:06', true],
    ['2038-01-19T03:14:08Z', '2038-01-19 03:14:08', false],
    ['2107-12-31T23:59:59Z', '2107-12-31 23:59:58', false],
    ['2108-01-01T00:00:00Z', '2107-12-31 23:59:58', false],
    ['+100000-06-15T12:00:00Z', '2107-12-31 23:59:58', false]
  ]
  for (const [time, dos, isExact] of cases) {
    t.strictSame(timesOf(time), { dos, exact: isExact ? Date.parse(time) / 1000 : undefined }, time)
  }
})

const near = (limit: number) => fc.integer({ min: limit - 2, max: limit + 2 })
const figure = fc.oneof(fc.nat(), near(MAX_UINT32), fc.maxSafeNat())
const entry = fc.record({
  path: fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }),
  size: figure,
  crc32: fc.integer({ min: 0, max: MAX_UINT32 }),
  modifiedAt: fc.oneof(near(0), near(0x7fffffff), fc.integer({ min: -1e11, max: 1e11 }))
})

t.test('the computed sizes are those of the encoded bytes', async () => {
  fc.assert(
    fc.property(
      entry,
      figure,
      (entry, offset) =>
        encodeLocalHeader(entry).length === localHeaderSize(entry) &&
        encodeCentralHeader(entry, offset).length === centralHeaderSize(entry, offset)
    )
  )
  const entryCount = fc.oneof(fc.nat(), near(0xffff))
  fc.assert(
    fc.property(entryCount, figure, figure, (entryCount, offset, size) => {
      const directory = { entryCount, offset, size: Math.min(size, Number.MAX_SAFE_INTEGER - offset) }
      return encodeEnd(directory).length === endSize(directory)
    })
  )
})
