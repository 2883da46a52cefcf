/** What is worth it is deflated once, is packed in that form, and reads as the same files. */
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { crc32, inflateRawSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { createDeflatedFiles } from '../../src/files/deflated-files.ts'
import { METADATA_SUFFIXES, READER_VERSION } from '../../src/metadata/metadata-file.ts'
import { createPlanStore } from '../../src/store/plan-store.ts'
import { createScanStore } from '../../src/store/scan-store.ts'
import { type DeflationOptions, deflateNew } from '../../src/worker/deflate-files.ts'
import { createDeflatingPool, type DeflatingPool } from '../../src/worker/deflating-pool.ts'
import { deflateSegment, type Segment, type SegmentJob, sampleFiles } from '../../src/worker/deflating-thread.ts'
import { deflationOptions } from '../../src/worker/deflation-options.ts'
import { archiveReaders, readArchive, skipReader } from '../helpers/archive-readers.ts'
import { classicXml, writeFiles } from '../helpers/depot.ts'
import type { Files } from '../helpers/packages.ts'
import { type ExportDepot, makeExportDepot } from './pack-queued.ts'

const MiB = 2 ** 20

/** Works without threads, and in no hurry. */
const POOL: DeflatingPool = {
  jobsAtATime: 3,
  sample: async (job) => sampleFiles(job),
  deflate: async (job) => deflateSegment(job),
  close: async () => {}
}

const noise = (bytes: number) => randomBytes(bytes)
/** Half of it is noise: deflated it has a little more than half of its size. */
function image(bytes: number): Buffer {
  const content = Buffer.alloc(bytes, 'a firmware image, padded ')
  for (let at = 0; at < bytes; at += 2048) randomBytes(1024).copy(content, at, 0, Math.min(1024, bytes - at))
  return content
}

function packageOf(fixid: string, payload: Buffer): Files {
  return { [`${fixid}.xml`]: classicXml({ fixid, payload: `${fixid}.img` }), [`${fixid}.img`]: payload }
}

interface Place extends ExportDepot {
  readonly options: DeflationOptions
  /** Names of the files in the cache. */
  cache(): string[]
  scanAndDeflate(changes?: Partial<DeflationOptions>): Promise<void>
  /** Of the entries of an export of everything, the ones that are deflated: their size, and what they take. */
  deflatedEntries(): Promise<Record<string, [number, number]>>
}

async function makePlace(t: Test, files: Files): Promise<Place> {
  const depot = await makeExportDepot(t, files)
  const db = depot.connect()
  // The scratch tables of a scan belong to its connection.
  const store = createScanStore(db, READER_VERSION, METADATA_SUFFIXES)
  // Whatever the database: other servers would have caches of their own.
  const options = { ...deflationOptions({ settings: depot, db }, POOL), hasOthers: false }
  return {
    ...depot,
    options,
    scan: (more = {}) => depot.scan({ store, ...more }),
    cache: () => (fs.existsSync(depot.deflatedDirectory) ? fs.readdirSync(depot.deflatedDirectory) : []),
    async scanAndDeflate(changes = {}) {
      await depot.scan({ store, deflation: { ...options, ...changes } })
    },
    async deflatedEntries() {
      const accepted = await depot.accept()
      const plan = await createPlanStore(depot.db).findPlan(accepted.task.archiveName)
      const found: Record<string, [number, number]> = {}
      for await (const page of createPlanStore(depot.db).entryPages(plan?.id ?? 0)) {
        for (const { path, size, deflated } of page) if (deflated) found[path] = [size, deflated.size]
      }
      return found
    }
  }
}

t.test('what shrinks by a tenth is packed deflated, everything else is stored', async (t) => {
  const { scanAndDeflate, deflatedEntries } = await makePlace(t, {
    ...packageOf('image', image(3 * MiB)),
    ...packageOf('noise', noise(3 * MiB)),
    ...packageOf('small', Buffer.alloc(60_000, 'text')),
    ...packageOf('padding', Buffer.alloc(MiB))
  })
  await scanAndDeflate()
  const entries = await deflatedEntries()
  t.same(Object.keys(entries), ['image.img'])
  const [size = 0, packed = 0] = entries['image.img'] ?? []
  t.equal(size, 3 * MiB)
  t.ok(packed > 0.5 * size && packed < 0.6 * size, `${packed}`)
})

t.test('a payload whose head alone shrinks is stored, and one whose head alone does not is deflated', async (t) => {
  const { scanAndDeflate, deflatedEntries } = await makePlace(t, {
    ...packageOf('head', Buffer.concat([Buffer.alloc(64 * 1024, 'head'), noise(2 * MiB)])),
    ...packageOf('tail', Buffer.concat([noise(64 * 1024), image(2 * MiB)]))
  })
  await scanAndDeflate()
  t.same(Object.keys(await deflatedEntries()), ['tail.img'])
})

for (const bytes of [64 * 1024, 2 * MiB - 1, 2 * MiB, 2 * MiB + 1, 9 * MiB + 7]) {
  t.test(`the deflated form of ${bytes} bytes is one stream, and gives the content back`, async (t) => {
    const content = image(bytes)
    const { scanAndDeflate, cache, deflatedDirectory } = await makePlace(t, packageOf('image', content))
    await scanAndDeflate()
    const [name = ''] = cache()
    const deflated = fs.readFileSync(join(deflatedDirectory, name))
    t.ok(name.endsWith(`.${crc32(deflated).toString(16).padStart(8, '0')}`))
    t.ok(inflateRawSync(deflated).equals(content))
  })
}

t.test('segments that threads have made are the same bytes', async (t) => {
  const content = image(9 * MiB)
  const { scanAndDeflate, cache, write, deflatedDirectory } = await makePlace(t, packageOf('image', content))
  await scanAndDeflate()
  const alone = cache().map((name) => fs.readFileSync(join(deflatedDirectory, name)))
  fs.rmSync(deflatedDirectory, { recursive: true })
  const pool = createDeflatingPool(2)
  t.teardown(() => pool.close())
  await scanAndDeflate({ pool })
  t.same(
    cache().map((name) => fs.readFileSync(join(deflatedDirectory, name))),
    alone
  )
  write({})
})

t.test('the memory of a segment goes back as soon as it is written', async (t) => {
  const { scanAndDeflate, cache } = await makePlace(t, packageOf('image', image(5 * MiB)))
  const segments: Segment[] = []
  async function keep(job: SegmentJob): Promise<Segment | undefined> {
    const segment = await deflateSegment(job)
    if (segment !== undefined) segments.push(segment)
    return segment
  }
  await scanAndDeflate({ pool: { ...POOL, deflate: keep } })
  t.equal(cache().length, 1)
  t.same(
    segments.map(({ deflated }) => deflated.length),
    [0, 0, 0]
  )
})

t.test(
  'an archive with deflated entries is what every reader takes for the files, packed or only planned',
  async (t) => {
    const contents = { 'image.img': image(3 * MiB), 'noise.img': noise(MiB) }
    const place = await makePlace(t, {
      ...packageOf('image', contents['image.img']),
      ...packageOf('noise', contents['noise.img'])
    })
    await place.scanAndDeflate()
    const accepted = await place.accept()
    await place.runExport(accepted)
    const archive = place.archivePath(accepted)
    const entries = new Map((await readArchive(archive)).map((entry) => [entry.name, entry]))
    for (const [name, content] of Object.entries(contents)) t.ok(entries.get(name)?.content.equals(content), name)
    t.ok(fs.statSync(archive).size < 3 * MiB)
    for (const reader of archiveReaders) {
      if (skipReader(reader) !== false) continue
      t.equal((await reader.check(archive)).exitCode, 0, reader.command)
    }
  }
)

t.test('a content that several files have is deflated once', async (t) => {
  const content = image(MiB)
  const { scanAndDeflate, cache, deflatedEntries } = await makePlace(t, {
    ...packageOf('one', content),
    ...packageOf('two', content)
  })
  await scanAndDeflate()
  t.equal(cache().length, 1)
  t.same(Object.keys(await deflatedEntries()), ['one.img', 'two.img'])
})

t.test('what was judged is not tried again', async (t) => {
  const { scanAndDeflate, cache } = await makePlace(t, {
    ...packageOf('image', image(MiB)),
    ...packageOf('noise', noise(MiB))
  })
  await scanAndDeflate()
  const before = cache()
  const refuse = async () => {
    throw new Error('it was judged before')
  }
  await scanAndDeflate({
    pool: { ...POOL, deflate: refuse, sample: async ({ files }) => (files.length ? refuse() : []) }
  })
  t.same(cache(), before)
})

t.test('the cache takes no more than it may, and what has no room is stored until there is some', async (t) => {
  const { scanAndDeflate, cache, deflatedEntries } = await makePlace(t, {
    ...packageOf('one', image(MiB)),
    ...packageOf('two', image(MiB))
  })
  await scanAndDeflate({ roomBytes: async () => 1.5 * MiB })
  t.equal(cache().length, 1)
  t.equal(Object.keys(await deflatedEntries()).length, 1)
  await scanAndDeflate()
  t.equal(cache().length, 2)
})

t.test('the cache forgets what the repository has lost, once no archive waits for it', async (t) => {
  const place = await makePlace(t, { ...packageOf('image', image(MiB)), ...packageOf('noise', noise(MiB)) })
  await place.scanAndDeflate()
  await place.accept({ scope: 'payloads' })
  for (const name of ['image.img', 'image.xml']) fs.rmSync(join(place.repositoryDirectory, name))
  await place.scanAndDeflate()
  t.equal(place.cache().length, 1, 'the export that was accepted needs it')
  await place.db.updateTable('plan').set({ archive_state: 'none' }).execute()
  await place.scanAndDeflate()
  t.same(place.cache(), [])
})

t.test('files of the cache that somebody has removed are made again by the next scan', async (t) => {
  const { scanAndDeflate, cache, deflatedDirectory } = await makePlace(t, packageOf('image', image(MiB)))
  await scanAndDeflate()
  const before = cache()
  fs.rmSync(deflatedDirectory, { recursive: true })
  await scanAndDeflate()
  t.same(cache(), before)
})

t.test('a deflated form that was damaged fails the export, and is made again after that', async (t) => {
  const place = await makePlace(t, packageOf('image', image(MiB)))
  await place.scanAndDeflate()
  const [name = ''] = place.cache()
  const file = join(place.deflatedDirectory, name)
  const bytes = fs.readFileSync(file)
  bytes[1000] = (bytes[1000] ?? 0) ^ 1
  fs.writeFileSync(file, bytes)
  const accepted = await place.accept()
  await t.rejects(place.runExport(accepted), { message: /image\.img has changed.*deflated form/ })
  await place.scanAndDeflate()
  await place.runExport(accepted)
  t.ok(fs.existsSync(place.archivePath(accepted)))
})

t.test('with store nothing is deflated, and what was is forgotten', async (t) => {
  const { scanAndDeflate, cache, deflatedEntries } = await makePlace(t, packageOf('image', image(MiB)))
  await scanAndDeflate()
  t.equal(cache().length, 1)
  await scanAndDeflate({ mode: 'store' })
  t.same(cache(), [])
  t.same(await deflatedEntries(), {})
})

t.test('a file that changes while it is deflated is not taken for what it was', async (t) => {
  const place = await makePlace(t, packageOf('image', image(5 * MiB)))
  const change: DeflatingPool['deflate'] = async (job) => {
    if (job.start > 0) writeFiles(place.repositoryDirectory, { 'image.img': image(5 * MiB) })
    return deflateSegment(job)
  }
  await place.scanAndDeflate({ pool: { ...POOL, deflate: change } })
  t.same(place.cache(), [])
  t.same(await place.deflatedEntries(), {})
})

t.test('a file that is gone before it is tried is left to the next scan', async (t) => {
  const place = await makePlace(t, packageOf('image', image(MiB)))
  await place.scan()
  fs.rmSync(join(place.repositoryDirectory, 'image.img'))
  const run = { root: place.repositoryDirectory, where: 'file', onFound: async () => {}, onDone() {} } as const
  await deflateNew(place.options, { ...run, signal: new AbortController().signal })
  t.same(place.cache(), [])
  t.same(await place.db.selectFrom('deflation').selectAll().execute(), [])
})

t.test('a scan that is stopped in the middle leaves nothing half', async (t) => {
  const place = await makePlace(t, packageOf('image', image(9 * MiB)))
  const stop = new AbortController()
  const deflate: DeflatingPool['deflate'] = async (job) => {
    if (job.start > 4 * MiB) stop.abort(new Error('stop'))
    return deflateSegment(job)
  }
  const deflation = { ...place.options, pool: { ...POOL, deflate } }
  await t.rejects(place.scan({ deflation, signal: stop.signal }), { message: 'stop' })
  t.same(place.cache(), [])
  await place.scanAndDeflate()
  t.equal(place.cache().length, 1)
})

t.test('a disk that takes no more leaves files stored, and the scan goes on', async (t) => {
  const place = await makePlace(t, packageOf('image', image(MiB)))
  const files = createDeflatedFiles(place.deflatedDirectory)
  const full: DeflationOptions['files'] = {
    ...files,
    begin(sha256) {
      const form = files.begin(sha256)
      const write = () => {
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
      }
      return { ...form, write }
    }
  }
  await place.scanAndDeflate({ files: full })
  t.same(place.cache(), [])
  t.same(await place.deflatedEntries(), {})
})
