import fs from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { archiveReaders, readArchive, skipReader } from '../../support/archive-readers.ts'
import {
  type Contents,
  expectedArchive,
  factsOf,
  MODIFIED_AT,
  packInto,
  pagesOf,
  patternOf,
  placeEntries,
  plannedSize,
  writeFiles
} from '../../support/zip/pack.ts'

const KiB = 1024
const MiB = KiB * KiB

interface Packed {
  readonly archive: string
  readonly durable: readonly number[]
}

/** Packs real files, and checks every byte of the archive. */
async function pack(t: Test, contents: Contents, isDurable = false): Promise<Packed> {
  const directory = t.testdir({ sources: {} })
  const sources = join(directory, 'sources')
  const archive = join(directory, 'archive.zip')
  writeFiles(sources, contents)
  const entries = placeEntries(factsOf(contents))
  const durable: number[] = []
  const onDurable = ({ bytes }: { bytes: number }) => void durable.push(bytes)
  const size = await packInto(archive, { sources, entries: pagesOf(entries), isDurable, onDurable })
  t.equal(size, plannedSize(entries))
  t.ok((await readFile(archive)).equals(expectedArchive(contents)), 'every byte is where the layout has it')
  return { archive, durable }
}

async function checkContents(t: Test, archive: string, contents: Contents): Promise<void> {
  const entries = await readArchive(archive)
  t.equal(entries.map(({ name }) => name).join('\n'), Object.keys(contents).join('\n'))
  for (const { name, content } of entries) if (!contents[name]?.equals(content)) t.fail(name)
}

const SIZES = [
  0,
  1,
  997,
  256 * KiB - 1,
  256 * KiB,
  256 * KiB + 1,
  4 * MiB - 1,
  4 * MiB,
  4 * MiB + 1,
  8 * MiB - 1,
  8 * MiB,
  8 * MiB + 1,
  9_000_000,
  0
]

const NAMES = [
  'é.txt',
  'Gerät/größe.bin',
  '日本語/ファイル.uxz',
  '\u{1f600}.json',
  'a b, c (1).xml',
  `${'n'.repeat(250)}.xml`
]

t.test('files of every size and name, large and small ones mixed, are packed completely', async (t) => {
  const large = SIZES.map((size, key) => [`${key}-${size}.bin`, patternOf(size, key)])
  const named = NAMES.map((name) => [name, Buffer.from(name)])
  const many = Array.from({ length: 500 }, (_, key) => [`f ${key % 3}/${(key * 7919) % 500}`, patternOf(key, key)])
  const contents: Contents = Object.fromEntries([...large, ...named, ...many])
  const { archive, durable } = await pack(t, contents)
  await checkContents(t, archive, contents)
  t.ok(durable.every((bytes, index) => bytes > (durable[index - 1] ?? 0)))
  t.equal(durable.at(-1), fs.statSync(archive).size)

  for (const reader of archiveReaders) {
    await t.test(`${reader.command} accepts the archive`, { skip: skipReader(reader) }, async (t) => {
      const { exitCode, output, names } = await reader.check(archive)
      if (exitCode !== 0) t.comment(output)
      t.equal(exitCode, 0)
      t.notMatch(output, /warning/i)
      t.equal(names.join('\n'), Object.keys(contents).join('\n'))
    })
  }
})

t.test('names are kept unchanged, also when one letter has two encodings', async (t) => {
  const contents = { 'cafe\u0301': Buffer.from('two'), 'caf\u00e9': Buffer.from('one') }
  const { archive } = await pack(t, contents)
  await checkContents(t, archive, contents)
})

t.test('a durable archive is reported while it grows, and completely at the end', async (t) => {
  const contents = Object.fromEntries([0, 1, 2].map((key) => [`${key}`, patternOf(9 * MiB, key)]))
  const { archive, durable } = await pack(t, contents, true)
  t.ok(durable.every((bytes, index) => bytes > (durable[index - 1] ?? 0)))
  t.equal(durable.at(-1), fs.statSync(archive).size)
})

t.test('times are exact to the second for readers that know the field', async (t) => {
  const { archive } = await pack(t, { a: Buffer.from('a') })
  const [entry] = await readArchive(archive)
  t.equal(entry?.modifiedAt.getTime(), MODIFIED_AT * 1000)
})

t.test('the same entries make the same bytes, with any page size and durability', async (t) => {
  const contents = Object.fromEntries([300 * KiB, 5, 5 * MiB, 0].map((size, key) => [`${key}`, patternOf(size, key)]))
  const directory = t.testdir({ sources: {} })
  const sources = join(directory, 'sources')
  writeFiles(sources, contents)
  const entries = placeEntries(factsOf(contents))
  const archives: Buffer[] = []
  for (const [round, pageLength] of [1, 3, 100].entries()) {
    const archive = join(directory, `${round}.zip`)
    await packInto(archive, { sources, entries: pagesOf(entries, pageLength), isDurable: round === 1 })
    archives.push(await readFile(archive))
  }
  t.ok(archives[0]?.equals(archives[1] as Buffer))
  t.ok(archives[0]?.equals(archives[2] as Buffer))
})

t.test('archives that are packed concurrently do not mix', async (t) => {
  const directory = t.testdir({ sources: {} })
  const sources = join(directory, 'sources')
  const all = [0, 1, 2].map((key) => ({
    [`small${key}`]: patternOf(500, key),
    [`large${key}`]: patternOf(9 * MiB + key, key)
  }))
  for (const contents of all) writeFiles(sources, contents)
  const archives = all.map((_, key) => join(directory, `${key}.zip`))
  await Promise.all(
    all.map((contents, key) =>
      packInto(archives[key] ?? '', { sources, entries: pagesOf(placeEntries(factsOf(contents))) })
    )
  )
  for (const [key, contents] of all.entries()) {
    t.ok((await readFile(archives[key] ?? '')).equals(expectedArchive(contents)))
  }
})

t.test('a file may be removed from its directory once it is open', async (t) => {
  const directory = t.testdir({ sources: {} })
  const sources = join(directory, 'sources')
  const contents = { large: patternOf(9 * MiB, 1) }
  writeFiles(sources, contents)
  const open = ({ path }: { path: string }) => {
    const fd = fs.openSync(join(sources, path), 'r')
    fs.unlinkSync(join(sources, path))
    return { fd, size: fs.fstatSync(fd).size }
  }
  const archive = join(directory, 'archive.zip')
  await packInto(archive, { open, entries: pagesOf(placeEntries(factsOf(contents))) })
  t.ok((await readFile(archive)).equals(expectedArchive(contents)))
})

t.test('without entries the archive is an end record and nothing else', async (t) => {
  const { archive, durable } = await pack(t, {})
  t.equal((await readFile(archive)).toString('hex'), `504b0506${'00'.repeat(18)}`)
  t.strictSame(durable, [22])
  t.strictSame(await readArchive(archive), [])
  for (const reader of archiveReaders) {
    await t.test(`${reader.command} opens the empty archive`, { skip: skipReader(reader) }, async (t) => {
      const { exitCode, output, names } = await reader.check(archive)
      // unzip warns of every archive without entries, and exits with 1.
      const isWarning = reader.command === 'unzip'
      t.equal(exitCode, isWarning ? 1 : 0, output)
      t.equal(/zipfile is empty/.test(output), isWarning)
      t.strictSame(names, [])
    })
  }
})
