/**
 * A process that packs a directory with fixdepot's writer, as the export thread does, by a plan in memory. Arguments:
 * source directory, archive, plan, and `durable` for a time that includes the flush to the disk.
 */
import fs from 'node:fs'
import { openInside } from '../src/storage/disk/safe-path.ts'
import { BlockWriter } from '../src/storage/disk/writer/block-writer.ts'
import type { PlacedEntry } from '../src/zip/layout.ts'
import { writeArchive } from '../src/zip/write-archive.ts'
import { timeWork } from './time-work.ts'

/** Size of a page from the database. */
const ENTRIES_PER_PAGE = 1_000

const [source = '', output = '', planFile = '', durability] = process.argv.slice(2)
const plan: { entries: PlacedEntry[]; archiveSize: number } = JSON.parse(fs.readFileSync(planFile, 'utf8'))

async function* pages(from: number) {
  for (let start = from; start < plan.entries.length; start += ENTRIES_PER_PAGE) {
    yield plan.entries.slice(start, start + ENTRIES_PER_PAGE)
  }
}

// Started before the measurement: in a server, the first export has started the writer's thread.
const rehearsalFile = `${output}.rehearsal`
const rehearsal = new BlockWriter({
  fd: fs.openSync(rehearsalFile, 'wx'),
  start: 0,
  isDurable: false,
  onDurable: () => {}
})
await rehearsal.append(Buffer.alloc(1))
await rehearsal.end()
await rehearsal.settle()
fs.rmSync(rehearsalFile)

await timeWork(async () => {
  const fd = fs.openSync(output, 'wx')
  const size = await writeArchive({
    openOutput: (start, onDurable) => new BlockWriter({ fd, start, isDurable: durability === 'durable', onDurable }),
    entries: pages,
    open(entry) {
      const { fd, stat } = openInside(source, entry.path)
      return { fd, size: Number(stat.size) }
    },
    checkpoint: { offset: 0, position: 0, crc32: 0 },
    onDurable: () => {},
    signal: new AbortController().signal
  })
  fs.closeSync(fd)
  if (size !== plan.archiveSize) throw new Error(`The archive has ${size} bytes, planned were ${plan.archiveSize}`)
})
