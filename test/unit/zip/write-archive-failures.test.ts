import fs from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type EntrySource, SourceChangedError, SourceUnreadableError } from '../../../src/zip/entry-source.ts'
import {
  type Contents,
  expectedArchive,
  factsOf,
  openFile,
  type Packing,
  packInto,
  pagesOf,
  patternOf,
  placeEntries,
  writeFiles
} from '../../support/zip/pack.ts'

const KiB = 1024
const MiB = KiB * KiB

/** The ways in which files are read, each with a size that is read that way. */
const LARGE = 9 * MiB
const WAYS = { small: 100 * KiB, large: LARGE }

interface Attempt {
  readonly archive: string
  readonly sources: string
  /** Every descriptor that was opened for a file. */
  readonly opened: number[]
  run(options?: Partial<Packing>, flags?: string): Promise<number>
}

/** An archive of three files, of which the second one will be changed. */
function attempt(t: Test, size: number, more: Contents = {}): Attempt {
  const directory = t.testdir({ sources: {} })
  const sources = join(directory, 'sources')
  const contents = { first: patternOf(10, 1), 'd/second': patternOf(size, 2), ...more, third: patternOf(10, 3) }
  writeFiles(sources, contents)
  const archive = join(directory, 'archive.zip')
  const opened: number[] = []
  const entries = pagesOf(placeEntries(factsOf(contents)))
  return {
    archive,
    sources,
    opened,
    run({ open, ...options } = {}, flags = 'w') {
      const openEntry = open ?? (({ path }) => openFile(join(sources, path)))
      const record = (entry: Parameters<typeof openEntry>[0]): EntrySource => {
        const source = openEntry(entry)
        if ('fd' in source) opened.push(source.fd)
        return source
      }
      return packInto(archive, { sources, entries, ...options, open: record }, flags)
    }
  }
}

function areClosed(descriptors: readonly number[]): boolean {
  return descriptors.every((fd) => {
    try {
      fs.fstatSync(fd)
      return false
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EBADF'
    }
  })
}

interface Change {
  readonly what: string
  readonly change: (path: string, size: number) => void
  readonly error: typeof SourceChangedError | typeof SourceUnreadableError
  readonly code?: string
}

const CHANGES: readonly Change[] = [
  { what: 'shrinks', change: (path, size) => fs.truncateSync(path, size - 1), error: SourceChangedError },
  { what: 'becomes empty', change: (path) => fs.truncateSync(path, 0), error: SourceChangedError },
  { what: 'grows', change: (path) => fs.appendFileSync(path, 'x'), error: SourceChangedError },
  { what: 'changes its last byte', change: (path, size) => overwrite(path, size - 1), error: SourceChangedError },
  { what: 'changes its first byte', change: (path) => overwrite(path, 0), error: SourceChangedError },
  { what: 'vanishes', change: (path) => fs.unlinkSync(path), error: SourceUnreadableError, code: 'ENOENT' },
  {
    what: 'becomes a directory',
    change(path) {
      fs.unlinkSync(path)
      fs.mkdirSync(path)
    },
    error: SourceChangedError
  }
]

function overwrite(path: string, position: number): void {
  const fd = fs.openSync(path, 'r+')
  const byte = Buffer.alloc(1)
  fs.readSync(fd, byte, 0, 1, position)
  byte[0] = (byte[0] ?? 0) ^ 1
  fs.writeSync(fd, byte, 0, 1, position)
  fs.closeSync(fd)
}

for (const [way, size] of Object.entries(WAYS)) {
  for (const { what, change, error, code } of CHANGES) {
    t.test(`a ${way} file that ${what} before it is packed fails the archive by its name`, async (t) => {
      const { sources, opened, run } = attempt(t, size)
      change(join(sources, 'd/second'), size)
      await t.rejects(run(), { name: error.name, message: /^d\/second /, ...(code && { cause: { code } }) })
      t.equal(opened.length, code === undefined ? 2 : 1)
      t.ok(areClosed(opened))
    })
  }

  t.test(`a ${way} file that ends early while it is read fails the archive by its name`, async (t) => {
    for (const left of [0, size - 1]) {
      const { sources, opened, run } = attempt(t, size)
      const open: Packing['open'] = ({ path, size }) => {
        if (path === 'd/second') fs.truncateSync(join(sources, path), left)
        return { ...openFile(join(sources, path)), size }
      }
      await t.rejects(run({ open }), { name: 'SourceChangedError', message: new RegExp(`^d/second .* ${left} bytes`) })
      t.ok(areClosed(opened))
    }
  })

  t.test(`a ${way} file that cannot be read fails the archive by its name`, async (t) => {
    const { sources, opened, run } = attempt(t, size)
    const open: Packing['open'] = ({ path, size }) => ({
      fd: fs.openSync(path === 'd/second' ? sources : join(sources, path), 'r'),
      size
    })
    const reason = { name: 'SourceUnreadableError', message: /^d\/second .*EISDIR/, cause: { code: 'EISDIR' } }
    await t.rejects(run({ open }), reason)
    t.equal(opened.length, 2)
    t.ok(areClosed(opened))
  })

  t.test(`a ${way} file that grows after it was opened is packed with its planned size`, async (t) => {
    const { archive, sources, opened, run } = attempt(t, size)
    const open: Packing['open'] = ({ path }) => {
      const source = openFile(join(sources, path))
      fs.appendFileSync(join(sources, path), 'more')
      return source
    }
    await run({ open })
    const contents = { first: patternOf(10, 1), 'd/second': patternOf(size, 2), third: patternOf(10, 3) }
    t.ok(fs.readFileSync(archive).equals(expectedArchive(contents)))
    t.equal(opened.length, 3)
    t.ok(areClosed(opened))
  })
}

t.test('an archive that was stopped before it began stays empty', async (t) => {
  const { archive, opened, run } = attempt(t, 10)
  const reason = new Error('stop')
  await t.rejects(run({ signal: AbortSignal.abort(reason) }), reason)
  t.equal(fs.statSync(archive).size, 0)
  t.strictSame(opened, [])
})

t.test('an archive can be stopped between two files', async (t) => {
  const { sources, opened, run } = attempt(t, 10)
  const stop = new AbortController()
  const open: Packing['open'] = ({ path }) => {
    stop.abort(new Error('stop'))
    return openFile(join(sources, path))
  }
  await t.rejects(run({ open, signal: stop.signal }), { message: 'stop' })
  t.equal(opened.length, 1)
  t.ok(areClosed(opened))
})

t.test('an archive can be stopped in the middle of a large file', async (t) => {
  const size = 64 * MiB
  const { archive, opened, run } = attempt(t, size)
  const stop = new AbortController()
  await t.rejects(run({ onDurable: () => stop.abort(new Error('stop')), signal: stop.signal }), { message: 'stop' })
  t.equal(opened.length, 2)
  t.ok(areClosed(opened))
  t.ok(fs.statSync(archive).size < size)
})

t.test('an archive can be stopped within the central directory', async (t) => {
  const { opened, run } = attempt(t, 10)
  const stop = new AbortController()
  const facts = placeEntries(factsOf({ first: patternOf(10, 1) }))
  let times = 0
  async function* entries() {
    times += 1
    if (times === 2) stop.abort(new Error('stop'))
    yield facts
  }
  await t.rejects(run({ entries, signal: stop.signal }), { message: 'stop' })
  t.equal(opened.length, 1)
  t.ok(areClosed(opened))
})

t.test("an archive that cannot be written fails with the system's error", async (t) => {
  for (const size of [10, 20 * MiB]) {
    const { archive, opened, run } = attempt(t, size)
    fs.writeFileSync(archive, 'old')
    await t.rejects(run({}, 'r'), { code: 'EBADF', syscall: 'write' })
    t.equal(fs.readFileSync(archive, 'utf8'), 'old')
    t.ok(areClosed(opened))
  }
})

t.test('a full disk fails the archive', { skip: !fs.existsSync('/dev/full') && 'there is no /dev/full' }, async (t) => {
  for (const [size, isDurable] of [
    [10, false],
    [10, true],
    [40 * MiB, false],
    [40 * MiB, true]
  ] as const) {
    const { sources, opened } = attempt(t, size)
    const entries = pagesOf(placeEntries(factsOf({ 'd/second': patternOf(size, 2) })))
    const open: Packing['open'] = ({ path }) => {
      const source = openFile(join(sources, path))
      opened.push(source.fd)
      return source
    }
    await t.rejects(packInto('/dev/full', { open, entries, isDurable }), { code: 'ENOSPC' })
    t.equal(opened.length, 1)
    t.ok(areClosed(opened))
  }
})

t.test('a plan that cannot be read fails the archive', async (t) => {
  const { opened, run } = attempt(t, 10)
  async function* entries() {
    yield placeEntries(factsOf({ first: patternOf(10, 1) }))
    throw new Error('the plan is gone')
  }
  await t.rejects(run({ entries }), { message: 'the plan is gone' })
  t.ok(areClosed(opened))
})

t.test('an entry with another planned offset fails the archive before any file is opened', async (t) => {
  const { opened, run } = attempt(t, 10)
  const [first] = placeEntries(factsOf({ first: patternOf(10, 1) }))
  async function* entries() {
    if (first) yield [{ ...first, offset: 1 }]
  }
  await t.rejects(run({ entries }), { message: /^first .* 1, not 0/ })
  t.strictSame(opened, [])
})

t.test('a failed archive does not affect the next one', async (t) => {
  const { archive, sources, run } = attempt(t, LARGE)
  const second = join(sources, 'd/second')
  overwrite(second, LARGE - 1)
  await t.rejects(run(), SourceChangedError)
  overwrite(second, LARGE - 1)
  await run()
  const contents = { first: patternOf(10, 1), 'd/second': patternOf(LARGE, 2), third: patternOf(10, 3) }
  t.ok(fs.readFileSync(archive).equals(expectedArchive(contents)))
})
