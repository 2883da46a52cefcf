import { createHash, pbkdf2 } from 'node:crypto'
import fs, { promises as fsp } from 'node:fs'
import path from 'node:path'
import { mock } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { syncFile } from '../../../../../src/storage/disk/sync.ts'
import { WRITE_BYTES, type WrittenFile, writeDigested } from '../../../../../src/storage/disk/writer/write-digested.ts'
import { openFilesBelow } from '../../../../support/open-files.ts'
import { patternOf } from '../../../../support/zip/pack.ts'

const MODIFIED_AT = 1_541_985_463

async function* from(pieces: Iterable<Buffer>): AsyncGenerator<Buffer> {
  yield* pieces
}

/** These bytes in pieces of these sizes, in rotation. */
function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let start = 0, turn = 0; start < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1
    yield bytes.subarray(start, start + size)
    start += size
  }
}

/** The facts of these bytes according to Node. */
function factsOf(bytes: Buffer): WrittenFile {
  return { size: bytes.length, crc32: crc32(bytes), sha256: createHash('sha256').update(bytes).digest('hex') }
}

const fileIn = (t: Test) => path.join(fs.realpathSync(t.testdir()), 'file')

/** Replaces methods of the handles that are opened from now on in this test. */
function changeHandles(t: Test, change: (handle: fsp.FileHandle) => Partial<fsp.FileHandle>): void {
  const open = fsp.open
  const mocked = mock.method(fsp, 'open', async (...args: Parameters<typeof open>) => {
    const handle = await open(...args)
    return Object.assign(handle, change(handle))
  })
  t.teardown(() => mocked.mock.restore())
}

/** Unhandled rejections from now on. */
function listenForUnhandled(t: Test): unknown[] {
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown) => unhandled.push(reason)
  process.on('unhandledRejection', onUnhandled)
  t.teardown(() => process.off('unhandledRejection', onUnhandled))
  return unhandled
}

t.test('a file has the received bytes, and the digests equal those of Node, for any sizes of pieces', async (t) => {
  const directory = fs.realpathSync(t.testdir())
  const lengths = [0, 1, WRITE_BYTES - 1, WRITE_BYTES, WRITE_BYTES + 1, 2 * WRITE_BYTES, 3 * WRITE_BYTES + 7]
  for (const length of lengths) {
    for (const sizes of [
      [WRITE_BYTES - 1],
      [WRITE_BYTES],
      [WRITE_BYTES + 1],
      [4 * WRITE_BYTES],
      [1, WRITE_BYTES],
      [777]
    ]) {
      const file = path.join(directory, `${length}-${sizes}`)
      const bytes = patternOf(length, 3)
      t.same(await writeDigested(file, from(cut(bytes, sizes))), factsOf(bytes), `${length} bytes by ${sizes}`)
      t.same(openFilesBelow(directory), [])
      t.ok(fs.readFileSync(file).equals(bytes), `${length} bytes by ${sizes}`)
    }
  }
})

t.test('more pieces than one system call accepts are all written', async (t) => {
  const file = fileIn(t)
  const bytes = patternOf(5_000, 1)
  t.same(await writeDigested(file, from(cut(bytes, [1, 0]))), factsOf(bytes))
  t.ok(fs.readFileSync(file).equals(bytes))
})

t.test('empty pieces are ignored', async (t) => {
  const file = fileIn(t)
  t.same(await writeDigested(file, from([Buffer.alloc(0), Buffer.alloc(0)])), factsOf(Buffer.alloc(0)))
  t.equal(fs.statSync(file).size, 0)
})

t.test('short writes of the system are repeated until all bytes are written', async (t) => {
  const directory = t.testdir()
  let most = 0
  changeHandles(t, (handle) => {
    const { writev, write } = handle
    return {
      // Like the system when the disk is almost full, or after a signal.
      writev: ((pieces: Buffer[], position: number) =>
        writev.call(handle, [Buffer.concat(pieces).subarray(0, most)], position)) as typeof writev,
      write: ((buffer: Buffer, offset: number, length: number, position: number) =>
        Reflect.apply(write, handle, [buffer, offset, Math.min(length, most + 1), position])) as typeof write
    }
  })
  const bytes = patternOf(2 * WRITE_BYTES + 5, 9)
  for (most of [0, 1_000, 65_536, WRITE_BYTES - 1, WRITE_BYTES]) {
    const file = path.join(directory, `${most}`)
    const content = most === 0 ? bytes.subarray(0, 3_000) : bytes
    t.same(await writeDigested(file, from(cut(content, [70_000]))), factsOf(content))
    t.ok(fs.readFileSync(file).equals(content), `${most} bytes at a time`)
  }
})

t.test('a disk that becomes full at any time is an error, and the content is closed', async (t) => {
  const directory = t.testdir()
  for (const [name, space] of [
    ['at once', 0],
    ['in the middle of a write', 1_000],
    ['with the second write', WRITE_BYTES],
    ['with the last byte', 3 * WRITE_BYTES + 4]
  ] as const) {
    const full = await fsp.open('/dev/full', 'r+')
    changeHandles(t, (handle) => {
      const { writev } = handle
      return {
        writev: (async (pieces: Buffer[], position: number) => {
          const part = Buffer.concat(pieces).subarray(0, Math.max(0, space - position))
          return part.length === 0 ? full.writev(pieces, position) : writev.call(handle, [part], position)
        }) as typeof writev,
        write: full.write.bind(full)
      }
    })
    let hasStopped = false
    async function* content(): AsyncGenerator<Buffer> {
      try {
        yield* cut(patternOf(3 * WRITE_BYTES + 5, 2), [100_000])
      } finally {
        hasStopped = true
      }
    }
    await t.rejects(writeDigested(path.join(directory, name), content()), { code: 'ENOSPC' }, name)
    t.ok(hasStopped, name)
    t.equal(fs.statSync(path.join(directory, name)).size, space, `${name}: what was written before is there`)
    mock.restoreAll()
    await full.close()
  }
  t.same(openFilesBelow(directory), [])
})

t.test('a write that fails while the content is slow fails the next piece, and is not unhandled', async (t) => {
  const file = fileIn(t)
  const failed = Promise.withResolvers<void>()
  changeHandles(t, () => ({
    async writev() {
      failed.resolve()
      throw Object.assign(new Error('the disk is broken'), { code: 'EIO' })
    }
  }))
  const unhandled = listenForUnhandled(t)
  async function* content(): AsyncGenerator<Buffer> {
    yield Buffer.alloc(WRITE_BYTES)
    await failed.promise
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    yield Buffer.from('more')
  }
  await t.rejects(writeDigested(file, content()), { code: 'EIO' })
  t.same(unhandled, [], 'nothing that would end the process')
  t.same(openFilesBelow(file), [])
})

t.test('an error of the content is thrown after the bytes before it are written', async (t) => {
  const directory = fs.realpathSync(t.testdir())
  const broken = new Error('the client has gone')
  for (const length of [0, 5, WRITE_BYTES, WRITE_BYTES + 5]) {
    const bytes = patternOf(length, 4)
    async function* content(): AsyncGenerator<Buffer> {
      yield* cut(bytes, [4_096])
      throw broken
    }
    const file = path.join(directory, `${length}`)
    await t.rejects(writeDigested(file, content()), broken)
    const written = fs.readFileSync(file)
    t.ok(written.equals(bytes.subarray(0, written.length)), `${written.length} of ${length} bytes`)
    t.same(openFilesBelow(directory), [])
  }
})

t.test('existing files are never written to', async (t) => {
  const directory = fs.realpathSync(
    t.testdir({ file: 'old', empty: '', directory: {}, target: 'old', link: t.fixture('symlink', 'target') })
  )
  fs.symlinkSync('nowhere', path.join(directory, 'broken'))
  let isAsked = false
  async function* content(): AsyncGenerator<Buffer> {
    isAsked = true
    yield Buffer.from('new')
  }
  for (const name of ['file', 'empty', 'directory', 'link', 'broken']) {
    await t.rejects(writeDigested(path.join(directory, name), content()), { code: 'EEXIST' }, name)
  }
  await t.rejects(writeDigested(path.join(directory, 'absent/file'), content()), { code: 'ENOENT' })
  await t.rejects(writeDigested(path.join(directory, 'file/below'), content()), { code: 'ENOTDIR' })
  await t.rejects(writeDigested(path.join(directory, 'n'.repeat(256)), content()), { code: 'ENAMETOOLONG' })
  t.notOk(isAsked, 'no byte of the content was taken')
  t.same(fs.readFileSync(path.join(directory, 'target'), 'utf8'), 'old')
  t.notOk(fs.existsSync(path.join(directory, 'nowhere')))
  t.same(openFilesBelow(directory), [])
})

t.test('only the owner can write a file, and its group can read it', async (t) => {
  const file = fileIn(t)
  const former = process.umask(0)
  t.teardown(() => process.umask(former))
  await writeDigested(file, from([]))
  t.equal(fs.statSync(file).mode & 0o777, 0o640)
})

t.test('a file has the given time, or by default the time of its creation', async (t) => {
  const directory = t.testdir()
  const before = Math.floor(Date.now() / 1000) - 1
  const now = path.join(directory, 'now')
  await writeDigested(now, from([Buffer.from('x')]))
  t.ok(fs.statSync(now).mtimeMs / 1000 > before)
  for (const seconds of [-86_400, -1, 0, 1, MODIFIED_AT, 2 ** 31 - 1, 2 ** 32]) {
    const file = path.join(directory, `${seconds}`)
    await writeDigested(file, from([patternOf(2 * WRITE_BYTES, 1)]), seconds)
    t.equal(fs.statSync(file).mtimeMs, seconds * 1000)
  }
})

t.test('syncs are started regularly, and their errors are ignored', async (t) => {
  let begins = 0
  changeHandles(t, () => ({
    // As if it was written.
    writev: (async (pieces: Buffer[]) => ({
      bytesWritten: pieces.reduce((sum, { length }) => sum + length, 0),
      buffers: pieces
    })) as unknown as fsp.FileHandle['writev'],
    async datasync() {
      begins += 1
      throw new Error('EIO')
    }
  }))
  const unhandled = listenForUnhandled(t)
  const piece = Buffer.alloc(4 * WRITE_BYTES)
  const counts: number[] = []
  for (const pieces of [63, 64, 130]) {
    await writeDigested(path.join(t.testdir(), `${pieces}`), from(Array.from({ length: pieces }, () => piece)))
    counts.push(begins)
    begins = 0
  }
  t.same(counts, [0, 1, 2])
  t.same(unhandled, [])
})

t.test('a synced file is closed again, and a missing one is an error', async (t) => {
  const file = fileIn(t)
  await t.rejects(syncFile(file), { code: 'ENOENT' })
  await writeDigested(file, from([Buffer.from('x')]))
  await syncFile(file)
  changeHandles(t, () => ({
    async datasync() {
      throw Object.assign(new Error('the disk is broken'), { code: 'EIO' })
    }
  }))
  await t.rejects(syncFile(file), { code: 'EIO' })
  t.same(openFilesBelow(file), [])
})

/** Occupies all threads of the pool for a while: system calls wait meanwhile. */
function occupyThreads(): Promise<unknown> {
  const count = Number(process.env.UV_THREADPOOL_SIZE ?? 4)
  const work = () => new Promise((resolve) => pbkdf2('a', 'b', 20_000, 64, 'sha512', resolve))
  return Promise.all(Array.from({ length: count }, work))
}

t.test('two buffers of a megabyte are enough: one is filled while the other one is written', async (t) => {
  const file = fileIn(t)
  const bytes = patternOf(5 * WRITE_BYTES + 3, 6)
  const buffers = [Buffer.alloc(WRITE_BYTES), Buffer.alloc(WRITE_BYTES)] as const
  async function* content(): AsyncGenerator<Buffer> {
    for (let start = 0, turn = 0; start < bytes.length; start += WRITE_BYTES, turn = 1 - turn) {
      const buffer = turn === 0 ? buffers[0] : buffers[1]
      const length = bytes.copy(buffer, 0, start, start + WRITE_BYTES)
      void occupyThreads()
      yield buffer.subarray(0, length)
    }
  }
  t.same(await writeDigested(file, content()), factsOf(bytes))
  t.ok(fs.readFileSync(file).equals(bytes))
})

t.test('a piece is written before three megabytes after it are consumed', async (t) => {
  const directory = t.testdir()
  let round = 0
  const sizes = fc.array(fc.oneof(fc.constantFrom(1, WRITE_BYTES - 1, WRITE_BYTES), fc.nat(WRITE_BYTES)), {
    minLength: 1,
    maxLength: 8
  })
  const isWhole = async (sizes: readonly number[]) => {
    const bytes = patternOf(7 * WRITE_BYTES, 8)
    async function* content(): AsyncGenerator<Buffer> {
      const lent: { readonly piece: Buffer; readonly end: number }[] = []
      let taken = 0
      void occupyThreads()
      for (const part of cut(bytes, [...sizes, WRITE_BYTES / 2])) {
        const piece = Buffer.from(part)
        taken += piece.length
        lent.push({ piece, end: taken })
        yield piece
        // Their producer now reuses them.
        for (const { piece, end } of lent) if (taken - end >= 3 * WRITE_BYTES) piece.fill(0)
      }
    }
    round += 1
    const file = path.join(directory, `${round}`)
    t.same(await writeDigested(file, content()), factsOf(bytes))
    const isSame = fs.readFileSync(file).equals(bytes)
    fs.rmSync(file)
    return isSame
  }
  await fc.assert(fc.asyncProperty(sizes, isWhole), {
    numRuns: 20,
    // A byte, and after it two writes of the largest size.
    examples: [[[1, WRITE_BYTES - 2, WRITE_BYTES, WRITE_BYTES - 1, WRITE_BYTES, WRITE_BYTES]]]
  })
})
