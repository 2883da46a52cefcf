import { catalogProblem } from '../../../../src/core/catalog/package.ts'
import { createCatalogStore } from '../../../../src/store/catalog/catalog-store.ts'
import { addPackage, classicXml, listPackages, makeDepot } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'
import { type Files, packageFiles, type TinyPackage } from '../../../support/packages.ts'

const filesOf = (...packages: TinyPackage[]): Files => Object.assign({}, ...packages.map(packageFiles))
const fixidsOf = (items: readonly { fixid: string }[]) => items.map(({ fixid }) => fixid)

testOnBoth('an empty catalog has no packages, and no time of a scan', async (t) => {
  const { db } = await makeDepot(t)
  const catalog = createCatalogStore(db)
  t.same(await listPackages(db), [])
  t.same(await catalog.packageTotals({}), { packages: 0, downloadedPackages: 0, bytes: 0 })
  t.same(await catalog.machineTypes(), [])
  t.equal(await catalog.usedBytes(), 0)
  t.equal(await catalog.readAt(), undefined)
})

testOnBoth('packages are read by fixid, in pages of 100', async (t) => {
  const { db } = await makeDepot(t)
  const fixids = Array.from({ length: 250 }, (_, number) => `fix-${number}`).sort()
  for (const fixid of fixids.toReversed()) await addPackage(db, fixid)
  const pages: string[][] = []
  for await (const page of createCatalogStore(db).packagePages({})) pages.push(fixidsOf(page))
  t.same(
    pages.map(({ length }) => length),
    [100, 100, 50]
  )
  t.same(pages.flat(), fixids)
  await db
    .deleteFrom('package')
    .where('fixid', '>=', fixids[200] ?? '')
    .execute()
  t.equal((await listPackages(db)).length, 200, 'the last page is full')
})

testOnBoth('a package has its files, machine types, requisites and metadata', async (t) => {
  const item = { fixid: 'fix-b', build: 'ABC123D', version: '1.50', payload: 'payload!', preReq: ['fix-a'] }
  const depot = await makeDepot(t, filesOf({ ...item, supersedes: ['fix-0'], machines: ['Two [7X06]', 'One [7X05]'] }))
  const now = new Date('2026-02-03T04:05:06.007Z')
  await depot.scan({ now: () => now })
  const [found] = await listPackages(depot.db)
  t.match(found, {
    fixid: 'fix-b',
    kind: 'update',
    name: 'Name of fix-b',
    version: '1.50',
    buildNumber: 'ABC123D',
    category: 'UEFI',
    description: 'Says "<fix-b>" & more',
    severity: 'Suggested',
    releaseDate: '2026-01-05',
    updateType: 'firmware',
    rebootRequired: 'yes',
    payloadState: 'present',
    machineTypes: ['7X05', '7X06'],
    members: [],
    requisites: [
      { fixid: 'fix-a', kind: 'prerequisite' },
      { fixid: 'fix-0', kind: 'superseded' }
    ]
  })
  t.same(
    found?.files.map(({ path, role }) => [path, role]),
    [
      ['fix-b.chg', 'change-history'],
      ['fix-b.txt', 'readme'],
      ['fix-b.uxz', 'payload'],
      ['fix-b.xml', 'metadata']
    ]
  )
  t.equal(
    found?.size,
    found?.files.reduce((sum, { size }) => sum + size, 0)
  )
  t.same(await createCatalogStore(depot.db).readAt(), now)
})

testOnBoth('a filter by kind or machine type leaves out other packages', async (t) => {
  const depot = await makeDepot(
    t,
    filesOf(
      { fixid: 'fix-a', machines: ['One [7X05]'], payload: 'a' },
      { fixid: 'fix-b', machines: ['One [7X05,7X06]'] },
      { fixid: 'fix-c', machines: [] },
      { fixid: 'pack', members: ['fix-a', 'fix-z'], machines: ['Two [7X06]'] }
    )
  )
  await depot.scan()
  const fixids = async (filter: Parameters<typeof listPackages>[1]) => fixidsOf(await listPackages(depot.db, filter))
  t.same(await fixids({}), ['fix-a', 'fix-b', 'fix-c', 'pack'])
  t.same(await fixids({ kind: 'update' }), ['fix-a', 'fix-b', 'fix-c'])
  t.same(await fixids({ kind: 'system-pack' }), ['pack'])
  t.same(await fixids({ machineTypes: ['7X06'] }), ['fix-b', 'pack'])
  t.same(await fixids({ machineTypes: ['7X05', '7X06', '7X06'] }), ['fix-a', 'fix-b', 'pack'])
  t.same(await fixids({ machineTypes: ['7X06'], kind: 'system-pack' }), ['pack'])
  t.same(await fixids({ machineTypes: ['7x06'] }), [])
  t.same(await fixids({ machineTypes: [] }), [])
})

testOnBoth('only the newest package of a product line is the latest', async (t) => {
  const { db } = await makeDepot(t)
  const line = (fixid: string, product_line: string, version_key: string, release_date: string) =>
    addPackage(db, fixid, { product_line, version_key, release_date })
  await line('a-old', 'a', '1', '2026-03-01')
  await line('a-new', 'a', '2', '2026-01-01')
  await line('b-late', 'b', '1', '2026-02-02')
  await line('b-early', 'b', '1', '2026-02-01')
  await line('c-1', 'c', '1', '2026-01-01')
  await line('c-2', 'c', '1', '2026-01-01')
  await line('d-only', 'd', '', '')
  t.same(fixidsOf(await listPackages(db, { latestOnly: true })), ['a-new', 'b-late', 'c-2', 'd-only'])
  t.equal((await listPackages(db, { latestOnly: false })).length, 7)
})

testOnBoth('versions are compared as numbers, within one family, category and operating system', async (t) => {
  const update = (fixid: string, buildNumber: string, version: string, applicableOperatingSystems: string[] = []) => ({
    [`${fixid}.xml`]: classicXml({ fixid, category: 'NIC', buildNumber, Version: version, applicableOperatingSystems })
  })
  const depot = await makeDepot(t, {
    ...update('nine', 'ABC1', 'ABC1 3.9'),
    ...update('ten', 'abc2', 'ABC2 3.10'),
    ...update('other-family', 'XYZ1', 'XYZ1 1.0'),
    ...update('windows', 'ABC1', 'ABC1 1.0', ['Windows 2022', 'Windows 2019']),
    ...update('windows-newer', 'ABC1', 'ABC1 1.1', ['Windows 2019', 'Windows 2022']),
    ...update('no-build', '', '1.0'),
    ...update('no-build-newer', '', '2.0')
  })
  await depot.scan()
  const latest = fixidsOf(await listPackages(depot.db, { latestOnly: true }))
  t.same(latest, ['no-build', 'no-build-newer', 'other-family', 'ten', 'windows-newer'])
})

testOnBoth('a superseded package is not the latest, whatever its product line', async (t) => {
  const depot = await makeDepot(
    t,
    filesOf(
      { fixid: 'fix-a' },
      { fixid: 'fix-b', supersedes: ['fix-a', 'fix-z'] },
      { fixid: 'fix-c', preReq: ['fix-b'] }
    )
  )
  await depot.scan()
  t.same(fixidsOf(await listPackages(depot.db, { latestOnly: true })), ['fix-b', 'fix-c'])
  t.match(await createCatalogStore(depot.db).packageTotals({ latestOnly: true }), { packages: 2 })
})

testOnBoth('the totals are of the matching packages, and count a shared file once', async (t) => {
  const shared = (fixid: string) => classicXml({ fixid, payload: 'shared.uxz', applicableMachineTypes: ['X [7X05]'] })
  const depot = await makeDepot(t, {
    'one.xml': shared('one'),
    'two.xml': shared('two'),
    'shared.uxz': 'x'.repeat(1000),
    ...filesOf({ fixid: 'not-here', machines: ['Y [7X07]'] }, { fixid: 'pack', members: ['one'], machines: [] }),
    'orphan.uxz': 'x'.repeat(5000)
  })
  await depot.scan()
  const catalog = createCatalogStore(depot.db)
  const sizes = new Map((await listPackages(depot.db)).map((item) => [item.fixid, item.size]))
  const of = (fixid: string) => sizes.get(fixid) ?? 0
  const bytes = of('one') + of('two') - 1000
  t.same(await catalog.packageTotals({ machineTypes: ['7X05'] }), { packages: 2, downloadedPackages: 2, bytes })
  const all = bytes + of('not-here') + of('pack')
  t.same(await catalog.packageTotals({}), { packages: 4, downloadedPackages: 3, bytes: all })
  t.match(await catalog.packageTotals({ machineTypes: ['7X07'] }), { packages: 1, downloadedPackages: 0 })
  t.equal(await catalog.usedBytes(), all)
})

testOnBoth(
  'machine types have the name that any package has for them, and the categories of their packages',
  async (t) => {
    const depot = await makeDepot(
      t,
      filesOf(
        { fixid: 'fix-a', category: 'XCC', machines: ['7X05', 'Server Two [7X06]'] },
        { fixid: 'fix-b', category: 'UEFI', machines: ['Server One [7X05]'] },
        { fixid: 'fix-c', category: 'UEFI', machines: ['7X05', '7X01'] },
        { fixid: 'fix-d', category: '', machines: ['7X01'] }
      )
    )
    await depot.scan()
    t.same(await createCatalogStore(depot.db).machineTypes(), [
      { type: '7X01', name: '', categories: ['UEFI'] },
      { type: '7X05', name: 'Server One', categories: ['UEFI', 'XCC'] },
      { type: '7X06', name: 'Server Two', categories: ['XCC'] }
    ])
  }
)

testOnBoth('listed members are always shown, possible members only when they are in the catalog', async (t) => {
  const pack = { fixid: 'pack', category: 'UXSP', includedFixIds: ['fix-b', 'gone'], contents: ['fix-a', 'whatever'] }
  const depot = await makeDepot(t, {
    'pack.xml': classicXml(pack),
    ...filesOf({ fixid: 'fix-a' }, { fixid: 'fix-b' })
  })
  await depot.scan()
  const found = (await listPackages(depot.db)).find(({ fixid }) => fixid === 'pack')
  t.same(found?.members, ['fix-b', 'gone', 'fix-a'])
})

testOnBoth(
  'the problems of a package are those of its files, its metadata, its namesakes and its duplicates',
  async (t) => {
    const { db } = await makeDepot(t)
    const id = await addPackage(db, 'fix_a', { metadata_path: 'dir/other.xml' })
    await addPackage(db, 'fix_ab', { metadata_path: 'dir/fix_ab.xml' })
    const file = await db
      .insertInto('file')
      .values({ path: 'elsewhere/named.bin', size: 0, crc32: 0, sha256: '', modified_at: 0 })
      .returning('id')
      .executeTakeFirstOrThrow()
    await db.insertInto('package_file').values({ package_id: id, file_id: file.id, role: 'payload' }).execute()
    const concerning = [
      catalogProblem('duplicate-fixid', 'copy/x.xml', 'fix_a is taken from dir/other.xml'),
      catalogProblem('link-outside', 'dir/FIX_A.uxz'),
      catalogProblem('partial-download', 'dir/fix_a.uxz.crdownload'),
      catalogProblem('missing-member', 'dir/other.xml', 'fix_m'),
      catalogProblem('empty-payload', 'elsewhere/named.bin')
    ]
    const others = [
      catalogProblem('duplicate-fixid', 'copy/y.xml', 'fix_ab is taken from dir/fix_ab.xml'),
      catalogProblem('orphan-file', 'fix_a.uxz'),
      catalogProblem('orphan-file', 'dir/fix_a.d/fix_a.uxz'),
      catalogProblem('orphan-file', 'dir/fixxa.uxz'),
      catalogProblem('orphan-file', 'dir/fix_ab.uxz'),
      catalogProblem('orphan-file', 'other/named.bin')
    ]
    await db
      .insertInto('catalog_problem')
      .values([...others, ...concerning])
      .execute()
    const catalog = createCatalogStore(db)
    t.same(await catalog.problemsOf('fix_a'), concerning)
    t.same(await catalog.problemsOf('unknown'), [])
  }
)

testOnBoth('a second metadata file of a package is a problem of the package', async (t) => {
  const files = packageFiles({ fixid: 'fix', payload: 'x' })
  const depot = await makeDepot(t, { ...files, 'copy/fix.xml': files['fix.xml'] ?? '' })
  await depot.scan()
  const problems = await createCatalogStore(depot.db).problemsOf('fix')
  t.match(problems, [{ path: 'copy/fix.xml', code: 'duplicate-fixid', text: /: fix is taken from fix\.xml$/ }])
  t.equal(problems.length, 1)
})
