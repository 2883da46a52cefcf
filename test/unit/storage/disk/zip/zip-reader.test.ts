import fs from 'node:fs'
import path from 'node:path'
import { mock } from 'node:test'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { BoundedReader } from '../../../../../src/storage/disk/zip/zip-reader.ts'
import { patternOf } from '../../../../support/zip/pack.ts'

const WINDOW_BYTES = 256 * 1024
const SIZE = 3 * WINDOW_BYTES + 11

interface Opened {
  readonly fd: number
  readonly bytes: Buffer
  /** Like yauzl: into the middle of a buffer. */
  read(position: number, length: number): Promise<Buffer>
  stream(start: number, end: number): Promise<Buffer>
}

/** @param size the file's size according to the reader */
function open(t: Test, bytes = patternOf(SIZE, 5), size = bytes.length): Opened {
  const file = path.join(t.testdir({ file: bytes }), 'file')
  const fd = fs.openSync(file, 'r+')
  t.teardown(() => fs.closeSync(fd))
  const reader = new BoundedReader(fd, size)
  return {
    fd,
    bytes,
    read(position, length) {
      const target = Buffer.alloc(length + 7, '#')
      return new Promise((resolve, reject) => {
        reader.read(target, 3, length, position, (error) => {
          const around = `${target.subarray(0, 3)}${target.subarray(3 + length)}`
          if (error !== null) reject(error)
          else if (around !== '#######') reject(new Error(`It wrote elsewhere too: ${around}`))
          else resolve(target.subarray(3, 3 + length))
        })
      })
    },
    async stream(start, end) {
      return Buffer.concat(await reader._readStreamForRange(start, end).toArray())
    }
  }
}

/** Replaces the system's read call. */
function countReads(t: Test, change: (real: typeof fs.readSync) => typeof fs.readSync = (real) => real) {
  const mocked = mock.method(fs, 'readSync', change(fs.readSync))
  t.teardown(() => mocked.mock.restore())
  return mocked.mock
}

const OUTSIDE = { name: 'RangeError', message: 'it points outside of the file' }
const SHORTER = { name: 'RangeError', message: 'the file has become shorter' }

t.test('any range is read with the bytes of the file', async (t) => {
  const { read, bytes } = open(t)
  const range = fc
    .tuple(fc.nat(SIZE), fc.oneof(fc.nat(50), fc.nat(SIZE), fc.constantFrom(WINDOW_BYTES - 1, WINDOW_BYTES)))
    .map(([start, length]) => ({ start, length: Math.min(length, SIZE - start) }))
  const areSame = async (ranges: readonly { start: number; length: number }[]) => {
    for (const { start, length } of ranges) {
      if (!(await read(start, length)).equals(bytes.subarray(start, start + length))) return false
    }
    return true
  }
  const examples: [{ start: number; length: number }[]][] = [
    [[{ start: 0, length: SIZE }]],
    [[WINDOW_BYTES - 1, WINDOW_BYTES, WINDOW_BYTES + 1].map((length) => ({ start: 1, length }))],
    [[SIZE - 1, SIZE, 0].map((start) => ({ start, length: Math.min(1, SIZE - start) }))]
  ]
  await t.resolves(fc.assert(fc.asyncProperty(fc.array(range, { maxLength: 8 }), areSame), { numRuns: 100, examples }))
})

t.test('small sequential pieces are read from the file together', async (t) => {
  const { read } = open(t)
  const reads = countReads(t)
  for (let position = 100; position < 100 + WINDOW_BYTES; position += 46) {
    await read(position, Math.min(46, 100 + WINDOW_BYTES - position))
  }
  t.equal(reads.callCount(), 1)
  await read(100 + WINDOW_BYTES, 1)
  t.equal(reads.callCount(), 2)
  await read(99, 1)
  t.equal(reads.callCount(), 3)
})

t.test('impossible positions are refused without a system call', async (t) => {
  const { read, stream } = open(t)
  const reads = countReads(t)
  for (const [position, length] of [
    [-1, 1],
    [SIZE, 1],
    [SIZE - 1, 2],
    [0, SIZE + 1],
    [SIZE + 1, 0],
    [2 ** 53, 1],
    [2 ** 64, 0],
    [1.5, 1],
    [Number.NaN, 1],
    [Number.POSITIVE_INFINITY, 1]
  ] as const) {
    await t.rejects(read(position, length), OUTSIDE, `${length} bytes at ${position}`)
    await t.rejects(stream(position, position + length + 1), OUTSIDE, `a stream of ${length + 1} bytes at ${position}`)
  }
  for (const [start, end] of [
    [2, 1],
    [1.5, 3]
  ] as const) {
    await t.rejects(stream(start, end), OUTSIDE, `${start} to ${end}`)
  }
  t.equal(reads.callCount(), 0)
})

t.test('a range is streamed to its last byte, and an empty range has no bytes', async (t) => {
  const { stream, bytes } = open(t)
  for (const [start, end] of [
    [0, SIZE],
    [0, 1],
    [7, 7],
    [SIZE, SIZE],
    [WINDOW_BYTES - 1, 2 * WINDOW_BYTES + 1],
    [SIZE - 1, SIZE]
  ] as const) {
    t.ok((await stream(start, end)).equals(bytes.subarray(start, end)), `${start} to ${end}`)
  }
})

t.test('an empty file has only its end', async (t) => {
  const { read, stream } = open(t, Buffer.alloc(0))
  t.equal((await read(0, 0)).length, 0)
  t.equal((await stream(0, 0)).length, 0)
  await t.rejects(read(0, 1), OUTSIDE)
})

t.test('a file that has become shorter is an error, and does not return former bytes of the memory', async (t) => {
  const { read, stream, fd, bytes } = open(t)
  fs.ftruncateSync(fd, 1_000)
  for (const length of [10, WINDOW_BYTES, WINDOW_BYTES + 1]) {
    await t.rejects(read(995, length), SHORTER, `${length} bytes`)
    await t.rejects(stream(995, 995 + length), SHORTER, `a stream of ${length} bytes`)
  }
  t.ok((await read(990, 10)).equals(bytes.subarray(990, 1_000)))
})

t.test('a failed read is an error, and does not return bytes that were read before', async (t) => {
  const { read, bytes } = open(t)
  await read(0, 10)
  let isBroken = true
  countReads(
    t,
    (real) =>
      ((...args: Parameters<typeof real>) => {
        if (isBroken) throw Object.assign(new Error('the disk is broken'), { code: 'EIO' })
        return real(...args)
      }) as typeof real
  )
  const position = 2 * WINDOW_BYTES
  await t.rejects(read(position, 10), { code: 'EIO' })
  await t.rejects(read(position, WINDOW_BYTES + 1), { code: 'EIO' })
  await t.rejects(read(position + 5, 10), { code: 'EIO' })
  isBroken = false
  t.ok((await read(position, 10)).equals(bytes.subarray(position, position + 10)))
})

t.test('short reads of the system are repeated until all bytes are read', async (t) => {
  const { read, stream, bytes } = open(t)
  countReads(
    t,
    (real) =>
      ((fd: number, target: Buffer, offset: number, length: number, position: number) =>
        real(fd, target, offset, Math.min(length, 60_000), position)) as typeof real
  )
  for (const length of [100_000, SIZE]) {
    t.ok((await read(0, length)).equals(bytes.subarray(0, length)), `${length} bytes`)
    t.ok((await stream(0, length)).equals(bytes.subarray(0, length)), `a stream of ${length} bytes`)
  }
})
