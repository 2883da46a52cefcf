import { setImmediate as turn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import type { PlacedEntry } from '../../../src/zip/layout.ts'
import { localHeaderSize } from '../../../src/zip/layout.ts'
import { StreamedArchive } from '../../../src/zip/streamed-archive.ts'
import { type Contents, expectedArchive, factsOf, pagesOf, patternOf, placeEntries } from '../../support/zip/pack.ts'

/** The archive, the number of open files, and the number of files opened so far. */
function open(contents: Contents, present: Contents = contents) {
  const entries = placeEntries(factsOf(contents))
  const last = entries.at(-1)
  let openFiles = 0
  let opened = 0
  const archive = new StreamedArchive<PlacedEntry>({
    directoryOffset: last === undefined ? 0 : last.offset + localHeaderSize(last) + last.size,
    entries: pagesOf(entries, 3),
    positionAt: async (offset) => entries.findLastIndex((entry) => entry.offset <= offset),
    async open({ path }) {
      const content = present[path]
      if (content === undefined) throw new Error(`${path} is not there`)
      openFiles += 1
      opened += 1
      return {
        // At most 10,000 bytes per call, as for a file on a network.
        async readInto(buffer, position) {
          await turn()
          return content.copy(buffer, 0, position, position + 10_000)
        },
        close: async () => {
          openFiles -= 1
        }
      }
    }
  })
  return { archive, openFiles: () => openFiles, opened: () => opened }
}

async function readAll(archive: StreamedArchive<PlacedEntry>, from: number, blockBytes: number): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let position = from; ; ) {
    const block = Buffer.alloc(blockBytes)
    const length = await archive.readInto(block, position)
    if (length === 0) return Buffer.concat(parts)
    parts.push(block.subarray(0, length))
    position += length
  }
}

const NAMES = ['a', 'sub/b.bin', 'ü', 'empty', 'large', 'f', 'g', 'h.xml']
const contentsOf = fc
  .uniqueArray(fc.constantFrom(...NAMES), { maxLength: NAMES.length })
  .chain((names) => fc.tuple(...names.map((name) => fc.nat({ max: 50_000 }).map((size) => [name, size] as const))))
  .map((sizes) => Object.fromEntries(sizes.map(([name, size], key) => [name, patternOf(size, key)])))

t.test('from any position on, in blocks of any size, the bytes are those of the packed archive', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      contentsOf,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 70_000 }),
      async (contents, where, blockBytes) => {
        const expected = expectedArchive(contents)
        const from = Math.floor(where * expected.length)
        const { archive, openFiles } = open(contents)
        const bytes = await readAll(archive, from, blockBytes)
        await archive.close()
        return bytes.equals(expected.subarray(from)) && openFiles() === 0
      }
    ),
    { numRuns: 60 }
  )
  t.pass('held for all of them')
})

t.test('positions can be read in any order', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      contentsOf,
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 5_000 })), { maxLength: 20 }),
      async (contents, reads) => {
        const expected = expectedArchive(contents)
        const { archive, openFiles } = open(contents)
        for (const [where, length] of reads) {
          const from = where % (expected.length + 1)
          const block = Buffer.alloc(length)
          const read = await archive.readInto(block, from)
          if (!block.subarray(0, read).equals(expected.subarray(from, from + length))) return false
        }
        await archive.close()
        return openFiles() === 0
      }
    ),
    { numRuns: 60 }
  )
  t.pass('held for all of them')
})

const contents = { first: patternOf(30_000, 1), second: patternOf(25_000, 2), third: patternOf(10, 3) }

t.test('the last byte of a file with changed content is never returned', async (t) => {
  const changed = Buffer.from(contents.second)
  changed[7] = (changed[7] ?? 0) ^ 1
  const { archive, openFiles } = open(contents, { ...contents, second: changed })
  const end = expectedArchive({ first: contents.first, second: contents.second }).indexOf(contents.second) + 25_000
  let position = 0
  const block = Buffer.alloc(4_000)
  await t.rejects(async () => {
    for (;;) position += await archive.readInto(block, position)
  }, /second has changed: its content is different/)
  t.ok(position < end)
  await archive.close()
  t.equal(openFiles(), 0)
})

t.test('a file that ends too early, or does not exist, is an error', async (t) => {
  const short = open(contents, { ...contents, second: contents.second.subarray(0, 12_345) })
  await t.rejects(readAll(short.archive, 0, 60_000), /second has changed: it ends after 12345 bytes instead of 25000/)
  const { third: _, ...rest } = contents
  await t.rejects(readAll(open(contents, rest).archive, 0, 60_000), /third is not there/)
})

t.test('a read that begins in the middle of a file returns its bytes without a check', async (t) => {
  const { archive } = open(contents)
  const expected = expectedArchive(contents)
  const from = expected.indexOf(contents.second) + 100
  const block = Buffer.alloc(24_900)
  t.equal(await archive.readInto(block, from), 24_900)
  t.equal(crc32(block), crc32(expected.subarray(from, from + 24_900)))
  await archive.close()
})

t.test('a few small files are read ahead, and a missing one fails only the read that reaches it', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 60 }, (_, key) => [`file-${key}`, patternOf(100 + key, key)]))
  const { 'file-20': _, ...present } = many
  const { archive, openFiles } = open(many, present)
  const expected = expectedArchive(many)
  const block = Buffer.alloc(1_000)
  let position = 0
  let most = 0
  await t.rejects(async () => {
    for (;;) {
      position += await archive.readInto(block, position)
      most = Math.max(most, openFiles())
    }
  }, /file-20 is not there/)
  t.ok(position >= expected.indexOf('file-20') - 1_080, 'all before it was read')
  t.ok(most > 1 && most < 12, `${most} files were open`)
  await archive.close()
})

t.test('no more bytes are read ahead than the reader requests with one call', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, key) => [`file-${key}`, patternOf(1_000, key)]))
  const { archive, opened } = open(many)
  const block = Buffer.alloc(2_500)
  let position = 0
  for (let length = -1; length !== 0; position += length) {
    length = await archive.readInto(block, position)
    // The returned bytes have a header before each thousand bytes; then the next file, and two ahead.
    t.ok(opened() <= Math.floor((position + length) / 1_000) + 3, `${opened()} were opened before ${position + length}`)
  }
  t.equal(position, expectedArchive(many).length)
  await archive.close()
})
