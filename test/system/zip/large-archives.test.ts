import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import t, { type Test } from 'tap'
import { openPromise } from 'yauzl'
import type { PlacedEntry } from '../../../src/zip/layout.ts'
import { type EntryFacts, encodeLocalHeader, localHeaderSize } from '../../../src/zip/layout.ts'
import { type ArchiveReader, archiveReaders, skipReader } from '../../support/archive-readers.ts'
import { encodeDirectory, MODIFIED_AT, packInto, pagesOf, placeEntries, plannedSize } from '../../support/zip/pack.ts'

const GiB = 2 ** 30
const MiB = 2 ** 20
const MAX_UINT32 = 0xffffffff

const factsOf = (path: string, size: number, crc: number): EntryFacts => ({
  path,
  size,
  crc32: crc,
  modifiedAt: MODIFIED_AT
})
const BEFORE = factsOf('before', 6, crc32('before'))
const BEHIND = factsOf('behind', 6, crc32('behind'))

/** The names, sizes and offsets in an archive. */
async function listEntries(archive: string): Promise<string> {
  const zip = await openPromise(archive, { lazyEntries: true })
  const lines: string[] = []
  for await (const entry of zip.eachEntry()) {
    lines.push(`${entry.fileName} ${entry.uncompressedSize} ${entry.relativeOffsetOfLocalHeader}`)
  }
  return lines.join('\n')
}

const lineOf = ({ path, size, offset }: PlacedEntry) => `${path} ${size} ${offset}`

/** One subtest per reader, two concurrently. Readers that are not installed are skipped. */
async function withReaders(t: Test, what: string, run: (t: Test, reader: ArchiveReader) => Promise<void>) {
  t.jobs = 2
  const tests = archiveReaders.map((reader) =>
    t.test(`${reader.command} ${what}`, { skip: skipReader(reader), buffered: true }, (t) => run(t, reader))
  )
  await Promise.all(tests)
}

/** Every reader lists the entries, and reads a small one. */
async function checkReaders(t: Test, archive: string, entries: readonly PlacedEntry[], small: EntryFacts) {
  t.equal(await listEntries(archive), entries.map(lineOf).join('\n'))
  await withReaders(t, `lists all entries and extracts the entry ${small.path}`, async (t, reader) => {
    t.strictSame(
      await reader.list(archive),
      entries.map(({ path }) => path)
    )
    t.equal((await reader.extract(archive, small.path)).toString(), small.path)
  })
}

/** Writes an archive whose large contents are holes, so that it takes little time and space. */
function writeHollow(path: string, entries: readonly PlacedEntry[]): void {
  const fd = fs.openSync(path, 'w')
  for (const entry of entries) {
    const header = encodeLocalHeader(entry)
    fs.writeSync(fd, header, 0, header.length, entry.offset)
    if (entry.size === 6) fs.writeSync(fd, entry.path, entry.offset + header.length)
  }
  const directory = encodeDirectory(entries)
  fs.writeSync(fd, directory, 0, directory.length, plannedSize(entries) - directory.length)
  fs.closeSync(fd)
}

t.test('0xFFFFFFFF is the first size that needs ZIP64, and every reader finds the entries', async (t) => {
  for (const size of [MAX_UINT32 - 1, MAX_UINT32]) {
    const archive = join(t.testdir(), 'archive.zip')
    // The entry is the last one: unzip 6.00 uses a size of exactly 0xFFFFFFFF for the next entry too.
    const entries = placeEntries([BEFORE, factsOf('large', size, 0)])
    writeHollow(archive, entries)
    await checkReaders(t, archive, entries, BEFORE)
  }
})

t.test('0xFFFFFFFF is the first offset that needs ZIP64, and every reader finds the entries', async (t) => {
  for (const offset of [MAX_UINT32 - 1, MAX_UINT32]) {
    const archive = join(t.testdir(), 'archive.zip')
    const size = offset - localHeaderSize(factsOf('large', 0, 0))
    const entries = placeEntries([factsOf('large', size, 0), BEHIND])
    t.equal(entries[1]?.offset, offset)
    writeHollow(archive, entries)
    await checkReaders(t, archive, entries, BEHIND)
  }
})

/** 4 GiB and 1 MiB of zeros, with their CRC-32: the writer refuses another one. */
const ZEROS = { size: 4 * GiB + MiB, crc32: 0xc6a48b28 }

t.test('a file of more than 4 GiB is packed, and readers find the entry after it', async (t) => {
  const directory = t.testdir({ before: 'before', behind: 'behind' })
  const archive = join(directory, 'archive.zip')
  const entries = placeEntries([BEFORE, factsOf('large', ZEROS.size, ZEROS.crc32), BEHIND])
  const header = (entries[1]?.offset ?? 0) + encodeLocalHeader(factsOf('large', ZEROS.size, 0)).length

  // Written zeros are replaced by holes, where the system can, to save space on the disk.
  let punched = Math.ceil(header / MiB) * MiB
  const onDurable = ({ bytes }: { bytes: number }) => {
    const end = Math.min(bytes, ZEROS.size)
    if (end - punched < 64 * MiB) return
    spawnSync('fallocate', ['--punch-hole', '--offset', `${punched}`, '--length', `${end - punched}`, archive])
    punched = end
  }
  const size = await packInto(archive, {
    entries: pagesOf(entries),
    open: ({ path, size }) => ({ fd: fs.openSync(path === 'large' ? '/dev/zero' : join(directory, path), 'r'), size }),
    onDurable
  })
  t.equal(size, plannedSize(entries))
  t.equal(fs.statSync(archive).size, size)
  await checkReaders(t, archive, entries, BEHIND)
})

/** `count` entries of the same content. */
function manyEntries(count: number): PlacedEntry[] {
  return placeEntries(Array.from({ length: count }, (_, key) => factsOf(`${key % 16}/${key}`, 4, crc32('same'))))
}

t.test('65,535 is the first number of entries that needs ZIP64, and every reader lists them', async (t) => {
  t.equal(encodeDirectory(manyEntries(65_534)).indexOf('PK\x06\x06'), -1)

  const archive = join(t.testdir(), 'archive.zip')
  const entries = manyEntries(65_535)
  const files = entries.flatMap((entry) => [encodeLocalHeader(entry), Buffer.from('same')])
  const directory = encodeDirectory(entries)
  t.equal(directory.indexOf('PK\x06\x06'), directory.length - 98)
  fs.writeFileSync(archive, Buffer.concat([...files, directory]))
  const names = entries.map(({ path }) => path).join()
  await withReaders(t, 'lists all entries', async (t, reader) => {
    t.ok((await reader.list(archive)).join() === names)
  })
})

t.test('more than 65,535 entries are packed, and every reader finds them whole', async (t) => {
  const directory = t.testdir({ source: 'same' })
  const archive = join(directory, 'archive.zip')
  const entries = manyEntries(65_600)
  const open = () => ({ fd: fs.openSync(join(directory, 'source'), 'r'), size: 4 })
  t.equal(await packInto(archive, { entries: pagesOf(entries, 1000), open }), plannedSize(entries))
  t.ok((await listEntries(archive)) === entries.map(lineOf).join('\n'))
  const names = entries.map(({ path }) => path).join()
  await withReaders(t, 'finds all entries whole', async (t, reader) => {
    const { exitCode, output, names: listed } = await reader.check(archive)
    if (exitCode !== 0) t.comment(output.slice(-1000))
    t.equal(exitCode, 0)
    t.notMatch(output, /warning/i)
    t.ok(listed.join() === names)
  })
})
