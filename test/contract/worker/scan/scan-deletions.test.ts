/** Packages are deleted during a scan: the scan does not add them again. */
import type { Test } from 'tap'
import { METADATA_SUFFIXES, READER_VERSION } from '../../../../src/metadata/metadata-file.ts'
import { createScanStore, type ScanStore } from '../../../../src/store/scan/scan-store.ts'
import { type BareDepot, listPackages, makeDepot } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'
import { packageFiles } from '../../../support/packages.ts'
import { catalogOf, freshCatalogOf } from '../../../support/worker/package-state.ts'
import { makeCommands, runQueued } from '../../../support/worker.ts'

const filesOf = (...fixids: string[]) =>
  Object.assign({}, ...fixids.map((fixid) => packageFiles({ fixid, payload: `payload of ${fixid}` })))

/** A scanned depot with one new package, so that the next scan publishes a change. */
async function openChanged(t: Test, ...fixids: string[]) {
  const depot = await makeDepot(t, filesOf(...fixids))
  await depot.scan()
  depot.write(filesOf('new'))
  const commands = makeCommands(depot)
  const remove = (fixid: string, scope: 'all' | 'payloads' = 'all') =>
    commands.deletePackages({ what: { fixids: [fixid] }, scope, isDryRun: false, requestedBy: 'ann' })
  return { depot, remove }
}

/** The store of a scan; `beforePublishing` is called before each attempt to publish the draft catalog. */
function storeOf(depot: BareDepot, beforePublishing: () => Promise<unknown>): ScanStore {
  const store = createScanStore(depot.connect(), READER_VERSION, METADATA_SUFFIXES)
  const publish: ScanStore['draft']['publish'] = async (...args) => {
    await beforePublishing()
    return store.draft.publish(...args)
  }
  return { ...store, draft: { ...store.draft, publish } }
}

const fixidsOf = async ({ db }: BareDepot) => (await listPackages(db)).map(({ fixid }) => fixid)

testOnBoth('a package that is deleted just before a scan ends stays deleted', async (t) => {
  const { depot, remove } = await openChanged(t, 'a', 'b')
  const deleted = ['a']
  const store = storeOf(depot, async () => {
    for (const fixid of deleted.splice(0)) await remove(fixid)
  })
  t.match(await depot.scan({ store }), { packageCount: 2, filesRead: 4, isUnchanged: false })
  t.same(await fixidsOf(depot), ['b', 'new'])
  await runQueued(depot, 'scan')
  t.same(await catalogOf(depot.db), await freshCatalogOf(t, depot), 'the next scan changes nothing')
})

testOnBoth('a payload that is deleted just before a scan ends is missing from then on', async (t) => {
  const { depot, remove } = await openChanged(t, 'a')
  const deleted = ['a']
  const store = storeOf(depot, async () => {
    for (const fixid of deleted.splice(0)) await remove(fixid, 'payloads')
  })
  await depot.scan({ store })
  t.match(await listPackages(depot.db), [
    { fixid: 'a', payloadState: 'missing' },
    { fixid: 'new', payloadState: 'present' }
  ])
  await runQueued(depot, 'scan')
  t.same(await catalogOf(depot.db), await freshCatalogOf(t, depot))
})

testOnBoth('a scan ends in spite of repeated deletions', async (t) => {
  const deleted = Array.from({ length: 20 }, (_, index) => `p${index}`)
  const { depot, remove } = await openChanged(t, ...deleted)
  let rounds = 0
  const store = storeOf(depot, async () => {
    const fixid = deleted.shift()
    if (fixid !== undefined) await remove(fixid)
    rounds += 1
  })
  t.match(await depot.scan({ store }), { isUnchanged: false })
  t.ok(rounds < 10, `${rounds} rounds`)
  t.ok((await fixidsOf(depot)).includes('new'), 'the new package is in the catalog')
  // Every deletion has queued a scan.
  await runQueued(depot, 'scan')
  t.same(await fixidsOf(depot), ['new', ...deleted].sort())
  t.same(await catalogOf(depot.db), await freshCatalogOf(t, depot))
})
