import type { Test } from 'tap'
import { createSelectionStore } from '../../../../src/store/catalog/selection-store.ts'
import type { Database } from '../../../../src/store/engine/database.ts'
import { addPackage, type BareDepot, classicXml, itemsOf, makeDepot } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'
import { type Files, packageFiles } from '../../../support/packages.ts'

const pack = (fixid: string, members: string[]): Files => packageFiles({ fixid, members })
const update = (fixid: string, payload?: string): Files => packageFiles({ fixid, payload })

async function scanned(t: Test, ...files: Files[]): Promise<BareDepot> {
  const depot = await makeDepot(t, Object.assign({}, ...files))
  await depot.scan()
  return depot
}

async function fixidsOf(db: Database, ids: ReadonlySet<number>): Promise<string[]> {
  const rows = await db.selectFrom('package').select(['id', 'fixid']).orderBy('fixid').execute()
  return rows.filter(({ id }) => ids.has(id)).map(({ fixid }) => fixid)
}

testOnBoth('fixids are resolved to packages and unknown fixids, without duplicates', async (t) => {
  const { db } = await scanned(t, update('fix-a'), update('fix-b'))
  const { ids, unknown } = await createSelectionStore(db).findPackages(['fix-b', 'x', 'fix-b', 'FIX-A', 'x', ''])
  t.same(await fixidsOf(db, ids), ['fix-b'])
  t.same(unknown, ['x', 'FIX-A', ''])
})

testOnBoth('members of members are selected', async (t) => {
  const depot = await scanned(t, pack('outer', ['inner', 'fix-a']), pack('inner', ['fix-b', 'gone']), update('fix-a'))
  depot.write({ ...update('fix-b'), ...update('fix-c') })
  await depot.scan()
  const selection = createSelectionStore(depot.db)
  const all = await selection.withMembers((await selection.findPackages(['outer'])).ids)
  t.same(await fixidsOf(depot.db, all), ['fix-a', 'fix-b', 'inner', 'outer'])
  const alone = await selection.withMembers((await selection.findPackages(['fix-a'])).ids)
  t.same(await fixidsOf(depot.db, alone), ['fix-a'])
  t.equal((await selection.withMembers(new Set())).size, 0)
})

testOnBoth('packs that contain each other or themselves do not loop', async (t) => {
  const { db } = await scanned(t, pack('one', ['two', 'one']), pack('two', ['three']), pack('three', ['one', 'fix-a']))
  const selection = createSelectionStore(db)
  const all = await selection.withMembers((await selection.findPackages(['two'])).ids)
  t.same(await fixidsOf(db, all), ['one', 'three', 'two'])
})

testOnBoth('the files of a package are sorted by role, then by path', async (t) => {
  const xml = classicXml({ fixid: 'fix', payload: ['z.uxz', 'a.bin'], readme: 'about.html' })
  const texts = { 'fix.txt': 'readme', 'fix.chg': 'changes', 'fix.pdf': 'guide', 'about.html': '<p>' }
  const { db } = await scanned(t, { 'fix.xml': xml, 'z.uxz': 'z', 'a.bin': 'a', ...texts })
  const selection = createSelectionStore(db)
  const paths = async (scope: 'all' | 'payloads') =>
    (await itemsOf(selection.pages('all', scope))).map(({ files }) => files.map(({ path }) => path))
  t.same(await paths('all'), [['a.bin', 'z.uxz', 'fix.xml', 'about.html', 'fix.txt', 'fix.chg', 'fix.pdf']])
  t.same(await paths('payloads'), [['a.bin', 'z.uxz']])
})

testOnBoth('packages are read in pages by fixid, including those without a file', async (t) => {
  const { db } = await makeDepot(t)
  const fixids = Array.from({ length: 450 }, (_, number) => `fix-${number}`).sort()
  const ids: number[] = []
  for (const fixid of fixids) ids.push(await addPackage(db, fixid))
  const selection = createSelectionStore(db)
  const lengths: number[] = []
  for await (const page of selection.pages('all', 'all')) lengths.push(page.length)
  t.same(lengths, [200, 200, 50])
  const chosen = await itemsOf(selection.pages(new Set(ids.filter((_, index) => index % 3 === 0)), 'all'))
  t.same(
    chosen,
    fixids.filter((_, index) => index % 3 === 0).map((fixid) => ({ fixid, files: [] }))
  )
  t.same(await itemsOf(selection.pages(new Set(), 'all')), [])
})

testOnBoth('shared files belong to several selected packages', async (t) => {
  const xml = (fixid: string) => ({ [`${fixid}.xml`]: classicXml({ fixid, payload: 'shared.uxz' }) })
  const { db } = await scanned(t, xml('one'), xml('two'), { 'shared.uxz': 'both' }, update('three', 'own'))
  const selection = createSelectionStore(db)
  const { ids } = await selection.findPackages(['one', 'three'])
  t.equal((await selection.sharedFiles(ids)).size, 0)
  const shared = await selection.sharedFiles('all')
  const rows = await db.selectFrom('file').select(['id', 'path']).execute()
  t.same(
    rows.filter(({ id }) => shared.has(id)).map(({ path }) => path),
    ['shared.uxz']
  )
})

testOnBoth('packages without payload are counted, and the first five named', async (t) => {
  const missing = Array.from({ length: 7 }, (_, number) => `missing-${number}`)
  const files = missing.map((fixid) => update(fixid))
  const { db } = await scanned(t, ...files, update('here', 'x'), pack('pack', ['here']))
  const selection = createSelectionStore(db)
  t.same(await selection.withoutPayload('all'), { count: 7, first: missing.slice(0, 5) })
  const { ids } = await selection.findPackages(['missing-6', 'here', 'pack'])
  t.same(await selection.withoutPayload(ids), { count: 1, first: ['missing-6'] })
  t.same(await selection.withoutPayload(new Set()), { count: 0, first: [] })
})

testOnBoth('a missing member of several packs is counted once', async (t) => {
  const gone = Array.from({ length: 6 }, (_, number) => `gone-${number}`)
  const maybe = classicXml({ fixid: 'loose', category: 'UXSP', contents: ['perhaps'] })
  const packs = [pack('one', ['fix-a', ...gone]), pack('two', ['gone-5', 'other'])]
  const { db } = await scanned(t, ...packs, { 'loose.xml': maybe }, update('fix-a'))
  const selection = createSelectionStore(db)
  t.same(await selection.missingMembers('all'), { count: 7, first: gone.slice(0, 5) })
  const { ids } = await selection.findPackages(['two', 'loose'])
  t.same(await selection.missingMembers(ids), { count: 2, first: ['gone-5', 'other'] })
  t.same(await selection.missingMembers(new Set()), { count: 0, first: [] })
})

testOnBoth('requisites are selected at any depth and through members, and superseded packages are not', async (t) => {
  const { db } = await scanned(
    t,
    packageFiles({ fixid: 'top', payload: 'x', preReq: ['middle', 'nowhere'], supersedes: ['old'] }),
    packageFiles({ fixid: 'middle', payload: 'x', preReq: ['bottom', 'top'] }),
    packageFiles({ fixid: 'bottom', payload: 'x', preReq: ['nowhere', 'no-where-else'] }),
    update('old', 'x'),
    pack('pack', ['top'])
  )
  const selection = createSelectionStore(db)
  const { ids } = await selection.findPackages(['pack'])
  t.same(await fixidsOf(db, await selection.withMembers(ids)), ['pack', 'top'])
  const all = await selection.withMembers(ids, true)
  t.same(await fixidsOf(db, all), ['bottom', 'middle', 'pack', 'top'])
  t.same(await selection.missingRequisites(all), { count: 2, first: ['no-where-else', 'nowhere'] })
  t.same(await selection.missingRequisites((await selection.findPackages(['top'])).ids), {
    count: 1,
    first: ['nowhere']
  })
})

testOnBoth('a filter selects the same packages as a listing with it', async (t) => {
  const { db } = await scanned(t, update('fix-a'), update('fix-b', 'x'), pack('pack', ['fix-b']))
  const selection = createSelectionStore(db)
  for (const [filter, expected] of [
    [{}, ['fix-a', 'fix-b', 'pack']],
    [{ search: 'FIX' }, ['fix-a', 'fix-b']],
    [{ search: 'fix', isDownloaded: true }, ['fix-b']],
    [{ kind: 'system-pack' }, ['pack']],
    [{ machineTypes: ['0000'] }, []]
  ] as const) {
    t.same(await fixidsOf(db, await selection.matchingPackages(filter)), expected, JSON.stringify(filter))
  }
})
