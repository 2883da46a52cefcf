import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import type { PlanEntry } from '../../../../src/core/export/plan.ts'
import { FROM_THE_START } from '../../../../src/core/tasks/job.ts'
import { BlockWriter } from '../../../../src/storage/disk/writer/block-writer.ts'
import type { SelectedFile, SelectedPackage } from '../../../../src/store/catalog/selection-store.ts'
import { type ArchivePlanner, createArchivePlanner } from '../../../../src/worker/export/plan-archive.ts'
import { encodeCentralHeader, encodeEnd, encodeLocalHeader } from '../../../../src/zip/layout.ts'
import { writeArchive } from '../../../../src/zip/write-archive.ts'
import { readArchive } from '../../../support/archive-readers.ts'

const NAMES = ['a.bin', 'sub/ü 漢.bin', 'deep/er/🧱.uxz', 'empty', 'b.xml', `${'long'.repeat(60)}.txt`, 'c', 'd.zip']
const SIZES = [1, 70_000, 3, 0, 500, 12, 300_001, 999]
const TIMES = [0, 1_700_000_000, -5, 2 ** 31 - 1, 2 ** 31, 2 ** 33, 1, 1_600_000_001]

const sha256 = (content: Buffer | string) => createHash('sha256').update(content).digest('hex')

const contents = NAMES.map((name, index) => Buffer.alloc(SIZES[index] ?? 0, name))
const pool: SelectedFile[] = NAMES.map((name, index) => {
  const content = contents[index] ?? Buffer.alloc(0)
  return {
    id: index + 1,
    path: name,
    size: content.length,
    crc32: crc32(content),
    sha256: sha256(content),
    modifiedAt: TIMES[index] ?? 0
  }
})

/** Packages with random files, some of them shared. */
const selections = fc
  .array(fc.uniqueArray(fc.constantFrom(...pool), { selector: ({ id }) => id, maxLength: 5 }), { maxLength: 8 })
  .map((all) => all.map((files, index): SelectedPackage => ({ fixid: `fix-${index}`, files })))

function plannerFor(packages: readonly SelectedPackage[]): ArchivePlanner {
  const counts = Map.groupBy(
    packages.flatMap(({ files }) => files),
    ({ id }) => id
  )
  return createArchivePlanner(new Set([...counts].filter(([, uses]) => uses.length > 1).map(([id]) => id)))
}

function planOf(packages: readonly SelectedPackage[]) {
  const planner = plannerFor(packages)
  const entries = planner.add(packages)
  return { entries, plan: planner.finish(7) }
}

t.test('entries follow each other without a gap, each file once', async (t) => {
  fc.assert(
    fc.property(selections, (packages) => {
      const { entries, plan } = planOf(packages)
      let offset = 0
      for (const [index, entry] of entries.entries()) {
        if (entry.position !== index || entry.offset !== offset) return false
        offset += encodeLocalHeader(entry).length + entry.size
      }
      const wanted = new Set(packages.flatMap(({ files }) => files.map((file) => file.path)))
      const placed = entries.map((entry) => entry.path)
      const isOnce = placed.length === wanted.size && placed.every((name) => wanted.has(name))
      return isOnce && plan.directoryOffset === offset && plan.entryCount === entries.length && plan.id === 7
    })
  )
  t.pass('held for all selections')
})

t.test('each package is counted at its last entry, and packages without files are not counted', async (t) => {
  fc.assert(
    fc.property(selections, (packages) => {
      const { entries, plan } = planOf(packages)
      const counts = entries.map(({ packagesDone }) => packagesDone)
      const isMonotonic = counts.every((count, index) => count >= (counts[index - 1] ?? 0))
      const total = packages.filter(({ files }) => files.length > 0).length
      return isMonotonic && plan.packageCount === total && (counts.at(-1) ?? 0) <= total
    })
  )
  const [a, b, c] = pool as [SelectedFile, SelectedFile, SelectedFile]
  const { entries, plan } = planOf([
    { fixid: 'one', files: [a, b] },
    { fixid: 'none', files: [] },
    { fixid: 'two', files: [a, b] },
    { fixid: 'three', files: [c] }
  ])
  t.same(
    entries.map(({ fixid, packagesDone }) => [fixid, packagesDone]),
    [
      ['one', 0],
      ['one', 1],
      ['three', 3]
    ]
  )
  t.equal(plan.packageCount, 3)
})

t.test('the plan does not depend on the number of pages', async (t) => {
  fc.assert(
    fc.property(selections, (packages) => {
      const planner = plannerFor(packages)
      const entries = packages.flatMap((item) => planner.add([item]))
      t.same({ entries, plan: planner.finish(7) }, planOf(packages))
    }),
    { numRuns: 20 }
  )
})

t.test('the written archive has the planned size, and its entries have the planned offsets', async (t) => {
  const root = t.testdir()
  for (const [index, content] of contents.entries()) fs.writeFileSync(path.join(root, `source-${index}`), content)
  const sourceOf = ({ path: name }: PlanEntry) => path.join(root, `source-${NAMES.indexOf(name)}`)
  const file = path.join(root, 'archive.zip')
  await fc.assert(
    fc.asyncProperty(selections, async (packages) => {
      const { entries, plan } = planOf(packages)
      const fd = fs.openSync(file, 'w')
      const size = await writeArchive({
        openOutput: (start, onDurable) => new BlockWriter({ fd, start, isDurable: false, onDurable }),
        entries: async function* () {
          yield entries.map((entry) => ({ ...entry, name: entry.path }))
        },
        open: (entry) => ({ fd: fs.openSync(sourceOf(entry), 'r'), size: entry.size }),
        checkpoint: FROM_THE_START,
        onDurable: () => {},
        signal: new AbortController().signal
      }).finally(() => fs.closeSync(fd))
      if (size !== plan.archiveSize || fs.statSync(file).size !== size) return false
      const found = await readArchive(file)
      return found.length === entries.length && found.every(({ offset }, index) => offset === entries[index]?.offset)
    }),
    { numRuns: 25 }
  )
  t.pass('held for all selections')
})

t.test('large files and many entries are planned with their ZIP64 fields', async (t) => {
  const large = { id: 1, path: 'large.iso', size: 5_000_000_000, crc32: 1, sha256: sha256(''), modifiedAt: 0 }
  const many = Array.from({ length: 70_000 }, (_, index) => ({ ...large, id: index + 2, path: `${index}`, size: 1 }))
  const { entries, plan } = planOf([{ fixid: 'fix', files: [large, ...many] }])
  const directory = entries.reduce((sum, entry) => sum + encodeCentralHeader(entry, entry.offset).length, 0)
  const end = encodeEnd({ entryCount: 70_001, offset: plan.directoryOffset, size: directory })
  t.equal(entries[1]?.offset, encodeLocalHeader(entries[0] as PlanEntry).length + large.size)
  t.equal(plan.archiveSize, plan.directoryOffset + directory + end.length)
})

t.test(
  'the digest changes with everything that the bytes of the archive depend on, and with nothing else',
  async (t) => {
    const [first, second] = pool as [SelectedFile, SelectedFile]
    const digestOf = (files: SelectedFile[], fixid = 'fix') => planOf([{ fixid, files }]).plan.digest
    const digest = digestOf([first, second])
    t.match(digest, /^[0-9a-f]{64}$/)
    t.equal(digestOf([{ ...first, id: 99 }, second], 'other'), digest)
    const changes = [{ path: 'other' }, { size: first.size + 1 }, { crc32: 0 }, { modifiedAt: 1 }]
    const others = changes.map((change) => digestOf([{ ...first, ...change }, second]))
    const all = [digest, ...others, digestOf([second, first]), digestOf([first]), digestOf([])]
    t.equal(new Set(all).size, all.length)
  }
)
