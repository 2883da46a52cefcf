import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { METADATA_SUFFIXES, READER_VERSION } from '../../../../src/metadata/metadata-file.ts'
import { createScanStore } from '../../../../src/store/scan/scan-store.ts'
import type { FileReaderPool } from '../../../../src/worker/scan/file-reader-pool.ts'
import { type BareDepot, makeDepot, threadlessPool } from '../../../support/depot.ts'
import { ONLY_SQLITE } from '../../../support/engines.ts'
import { packageFiles, UEFI, XCC } from '../../../support/packages.ts'
import { catalogOf, freshCatalogOf, watchedPool } from '../../../support/worker/package-state.ts'

const DYING_SCAN = path.join(import.meta.dirname, '../../../support/worker/dying-scan.ts')
const NEW_FILES = [...Object.keys(packageFiles({ fixid: XCC, payload: 'x' })), `${UEFI}.uxz`].sort()

/** A depot with one scanned package. Since then its payload has changed, and another package was added. */
async function openChanged(t: Test): Promise<BareDepot & { before: unknown; completes(t: Test): Promise<void> }> {
  const depot = await makeDepot(t, packageFiles({ fixid: UEFI, payload: 'uefi' }))
  await depot.scan()
  const before = await catalogOf(depot.db)
  depot.write({ ...packageFiles({ fixid: XCC, payload: 'xcc' }), [`${UEFI}.uxz`]: 'new uefi' })
  return {
    ...depot,
    before,
    async completes(t) {
      t.same(await catalogOf(depot.db), before, 'the catalog is that of before')
      t.match(await depot.scan(), { packageCount: 2, isUnchanged: false })
      t.same(await catalogOf(depot.db), await freshCatalogOf(t, depot), 'the next scan completes it')
    }
  }
}

/** Reads one file at a time, and fails before it reads the file with this number. */
function failingPool(failsAt: number): FileReaderPool {
  let count = 0
  return {
    close: async () => {},
    async readAll(root, pages, onResults) {
      for await (const page of pages) {
        for (const file of page) {
          if (count === failsAt) throw new Error('The reader has failed')
          count += 1
          await threadlessPool.readAll(root, asPages([file]), onResults)
        }
      }
    }
  }
}

async function* asPages<Page>(...pages: Page[]): AsyncGenerator<Page> {
  yield* pages
}

for (const failsAt of [0, 1, NEW_FILES.length - 1]) {
  t.test(`readers that fail after ${failsAt} files fail the scan, and the catalog stays as it was`, async (t) => {
    const depot = await openChanged(t)
    await t.rejects(depot.scan({ pool: failingPool(failsAt) }), { message: 'The reader has failed' })
    await depot.completes(t)
  })
}

t.test('files that an interrupted scan has read are not read again', async (t) => {
  const depot = await openChanged(t)
  await t.rejects(depot.scan({ pool: failingPool(3) }))
  const pool = watchedPool()
  t.match(await depot.scan({ pool }), { filesRead: 2, packageCount: 2 })
  t.same(pool.paths, NEW_FILES.slice(3))
})

t.test('a catalog is published from the read files, also after an interruption behind the last file', async (t) => {
  const depot = await openChanged(t)
  const stop = new AbortController()
  const pool: FileReaderPool = {
    close: async () => {},
    async readAll(root, pages, onResults) {
      await threadlessPool.readAll(root, pages, onResults)
      stop.abort()
    }
  }
  await t.rejects(depot.scan({ pool, signal: stop.signal }), { name: 'AbortError' })
  t.same(await catalogOf(depot.db), depot.before)
  const next = watchedPool()
  t.match(await depot.scan({ pool: next }), { packageCount: 2, filesRead: 0, isUnchanged: false })
  t.same(next.paths, [])
})

for (const where of ['reading', 'publishing']) {
  t.test(`a process that dies while ${where} leaves the previous catalog`, ONLY_SQLITE, async (t) => {
    const depot = await openChanged(t)
    const { signal, stderr } = spawnSync(process.execPath, [
      DYING_SCAN,
      depot.databaseFile,
      depot.repositoryDirectory,
      where
    ])
    t.equal(signal, 'SIGKILL', String(stderr))
    await depot.completes(t)
  })
}

t.test('when the last statement fails, the previous catalog stays complete', ONLY_SQLITE, async (t) => {
  const depot = await openChanged(t)
  await sql`create trigger refusal before insert on catalog_problem begin select raise(abort, 'refused'); end`.execute(
    depot.db
  )
  depot.write({ 'orphan.uxz': 'x' })
  await t.rejects(depot.scan(), { message: 'refused' })
  await sql`drop trigger refusal`.execute(depot.db)
  await depot.completes(t)
})

t.test('a stopped scan ends at any point, and leaves the catalog alone', async (t) => {
  const reason = new Error('stopped')
  const points: Record<string, (stop: AbortController) => Parameters<BareDepot['scan']>[0]> = {
    'before it begins': (stop) => {
      stop.abort(reason)
      return {}
    },
    'once it is known how much there is to read': (stop) => ({ onTotals: async () => stop.abort(reason) }),
    'while it reads': (stop) => ({ onProgress: () => stop.abort(reason) })
  }
  for (const [point, options] of Object.entries(points)) {
    await t.test(point, async (t) => {
      const depot = await openChanged(t)
      const stop = new AbortController()
      await t.rejects(depot.scan({ ...options(stop), signal: stop.signal }), reason)
      await depot.completes(t)
    })
  }
})

t.test('a scan without files to read can be stopped', async (t) => {
  const depot = await makeDepot(t, packageFiles({ fixid: UEFI, payload: 'uefi' }))
  await depot.scan()
  const before = await catalogOf(depot.db)
  for (const fails of [false, true]) {
    if (fails) fs.rmSync(path.join(depot.repositoryDirectory, `${UEFI}.uxz`))
    const stop = new AbortController()
    const scan = depot.scan({ signal: stop.signal })
    // The command to stop is an event: it arrives only when the scan yields to the event loop.
    void setImmediate().then(() => stop.abort())
    await t.rejects(scan, { name: 'AbortError' })
    t.same(await catalogOf(depot.db), before)
  }
})

t.test('a newer metadata reader replaces the results of an older one', async (t) => {
  const depot = await makeDepot(t, packageFiles({ fixid: UEFI, payload: 'uefi' }))
  await depot.scan()
  const store = createScanStore(depot.connect(), READER_VERSION + 1, METADATA_SUFFIXES)
  const pool = watchedPool()
  t.match(await depot.scan({ store, pool }), { filesRead: 1, packageCount: 1 })
  t.same(pool.paths, [`${UEFI}.xml`])
  t.match(await depot.scan({ store }), { filesRead: 0, isUnchanged: true })
})
