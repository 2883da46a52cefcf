/** Another run completes an interrupted archive from its checkpoint alone. */
import fs from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Checkpoint } from '../../../src/zip/checkpoints.ts'
import { SourceChangedError } from '../../../src/zip/entry-source.ts'
import {
  type Contents,
  expectedArchive,
  factsOf,
  openFile,
  packInto,
  pagesOf,
  patternOf,
  placeEntries,
  writeFiles
} from '../../support/zip/pack.ts'

const KiB = 1024
const MiB = 1024 * KiB

/** Sizes around a block, several blocks, and a read. */
const SIZES = [0, 1, 255 * KiB, 256 * KiB, 256 * KiB + 1, MiB, 4 * MiB - 1, 4 * MiB, 4 * MiB + 1, 9 * MiB]

function prepare(t: Test, sizes: readonly number[]) {
  const sources = fs.mkdtempSync(join(t.testdirName, 'sources-'))
  const contents: Contents = Object.fromEntries(
    sizes.map((size, index) => [`file ${String(index).padStart(2, '0')}`, patternOf(size, index)])
  )
  writeFiles(sources, contents)
  return { sources, contents, entries: placeEntries(factsOf(contents)), archive: join(sources, '..', 'archive.zip') }
}

t.test('an archive that is resumed at any checkpoint has the same bytes', async (t) => {
  t.testdir({})
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...SIZES), { minLength: 1, maxLength: 8 }), async (sizes) => {
      const { sources, contents, entries, archive } = prepare(t, sizes)
      const reported: Checkpoint[] = []
      await packInto(archive, {
        sources,
        entries: pagesOf(entries),
        onDurable: ({ bytes, checkpoint }) => {
          if (checkpoint.offset > bytes) throw new Error('a checkpoint is ahead of what is durable')
          reported.push(checkpoint)
        }
      })
      const expected = expectedArchive(contents)
      if (!fs.readFileSync(archive).equals(expected)) throw new Error('the archive is another')
      for (const checkpoint of reported) {
        const opened: number[] = []
        fs.writeFileSync(archive, expected.subarray(0, checkpoint.offset))
        await packInto(
          archive,
          {
            sources,
            checkpoint,
            entries: pagesOf(entries),
            open(entry) {
              opened.push(entry.position)
              return openFile(join(sources, entry.path))
            }
          },
          'r+'
        )
        if (!fs.readFileSync(archive).equals(expected))
          throw new Error(`resumed at ${JSON.stringify(checkpoint)} it is another`)
        if (opened.some((position) => position < checkpoint.position))
          throw new Error('a file was opened that is packed')
      }
      fs.rmSync(sources, { recursive: true })
    }),
    { numRuns: 15 }
  )
})

t.test(
  'an entry that is resumed in the middle is not read again before the checkpoint, and is checked as a whole',
  async (t) => {
    t.testdir({})
    const { sources, contents, entries, archive } = prepare(t, [20 * MiB])
    let half: Checkpoint | undefined
    await packInto(archive, {
      sources,
      entries: pagesOf(entries),
      onDurable({ checkpoint }) {
        if (half === undefined && checkpoint.offset > 0) half = checkpoint
      }
    })
    if (half === undefined) return t.fail('there was no checkpoint')
    const expected = expectedArchive(contents)
    const resume = async () => {
      fs.writeFileSync(archive, expected.subarray(0, half?.offset))
      return packInto(archive, { sources, entries: pagesOf(entries), ...(half && { checkpoint: half }) }, 'r+')
    }
    const file = join(sources, 'file 00')
    const change = (position: number) => {
      const fd = fs.openSync(file, 'r+')
      fs.writeSync(fd, 'changed', position)
      fs.closeSync(fd)
    }
    change(100)
    await resume()
    t.ok(fs.readFileSync(archive).equals(expected), 'packed content is not read again')
    change(19 * MiB)
    await t.rejects(resume(), SourceChangedError)
  }
)

t.test('a failed report ends the run with its error', async (t) => {
  t.testdir({})
  const { sources, entries, archive } = prepare(t, [20 * MiB])
  const failure = new Error('the lease is lost')
  for (const isDurable of [true, false]) {
    const run = packInto(archive, {
      sources,
      entries: pagesOf(entries),
      isDurable,
      onDurable: () => Promise.reject(failure)
    })
    await t.rejects(run, failure)
  }
})

t.test('reports are sequential, and reading waits for them', async (t) => {
  t.testdir({})
  const { sources, entries, archive } = prepare(
    t,
    Array.from({ length: 24 }, () => 8 * MiB)
  )
  let isReporting = false
  let recorded = 0
  let mostAhead = 0
  await packInto(archive, {
    sources,
    entries: pagesOf(entries),
    isDurable: true,
    open(entry) {
      // All content before this entry has been read.
      mostAhead = Math.max(mostAhead, entry.offset - recorded)
      return openFile(join(sources, entry.path))
    },
    async onDurable({ checkpoint }) {
      t.notOk(isReporting)
      isReporting = true
      await new Promise((resolve) => setImmediate(resolve))
      isReporting = false
      recorded = checkpoint.offset
    }
  })
  t.ok(mostAhead <= 64 * MiB, `${mostAhead} bytes ahead`)
})
