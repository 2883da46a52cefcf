import type { Package } from '../../../../src/core/catalog/package.ts'
import type { DraftPackage } from '../../../../src/store/scan/draft-rows.ts'
import { createScanStore } from '../../../../src/store/scan/scan-store.ts'
import { classicXml, listPackages, listProblems, makeDepot } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'
import { packageFiles } from '../../../support/packages.ts'

const NOW = new Date('2026-05-06T07:08:09Z')

const file = (path: string, size = 5) => ({
  path,
  role: 'payload' as const,
  size,
  crc32: 0xffffffff,
  sha256: 'ab',
  modifiedAt: 1
})

function draftOf(fixid: string, changes: Partial<Package> = {}): DraftPackage {
  const item: Package = {
    fixid,
    kind: 'update',
    form: 'classic',
    name: '',
    version: '1',
    buildNumber: '',
    category: '',
    vendor: '',
    description: '',
    severity: '',
    releaseDate: '',
    updateType: '',
    rebootRequired: '',
    machineTypes: [],
    operatingSystems: [],
    family: '',
    members: [],
    requisites: [],
    payloads: [],
    companions: [],
    properties: {},
    payloadState: 'present',
    files: [file(`${fixid}.uxz`)],
    ...changes
  }
  return {
    package: item,
    directory: '',
    metadataPath: `${fixid}.xml`,
    productLine: fixid,
    versionKey: '1',
    fingerprint: JSON.stringify(item)
  }
}

testOnBoth('a published draft is the catalog, with all details', async (t) => {
  const { db } = await makeDepot(t)
  const { begin, draft } = createScanStore(db, 1, [])
  await begin()
  const item = draftOf('fix', {
    machineTypes: [{ type: '7X05', name: 'One' }],
    operatingSystems: ['Linux', 'Windows'],
    properties: { Colour: ['red', 'blue'], __proto__: null as never },
    requisites: [{ fixid: 'other', kind: 'corequisite' }]
  })
  await draft.putPackages([item])
  t.equal(await draft.packageCount(), 0, 'nothing is visible before the publication')
  await draft.publish(NOW)
  t.equal(await draft.packageCount(), 1)
  t.match(await listPackages(db), [
    { fixid: 'fix', machineTypes: ['7X05'], requisites: [{ fixid: 'other', kind: 'corequisite' }], size: 5 }
  ])
  const properties = await db
    .selectFrom('package_property')
    .select(['name', 'position', 'value'])
    .orderBy('name')
    .orderBy('position')
    .execute()
  t.same(properties, [
    { name: 'Colour', position: 0, value: 'red' },
    { name: 'Colour', position: 1, value: 'blue' },
    { name: 'operatingSystem', position: 0, value: 'Linux' },
    { name: 'operatingSystem', position: 1, value: 'Windows' }
  ])
  t.same(await db.selectFrom('catalog').select(['read_at', 'is_current']).execute(), [
    { read_at: NOW.getTime(), is_current: 1 }
  ])
})

testOnBoth('a later package of the same fixid replaces the earlier one', async (t) => {
  const { db } = await makeDepot(t)
  const { begin, draft } = createScanStore(db, 1, [])
  await begin()
  await draft.putPackages([draftOf('fix', { payloadState: 'missing' }), draftOf('other')])
  t.match(await draft.earlierPackages(['fix', 'absent']), [
    { fixid: 'fix', directory: '', metadataPath: 'fix.xml', hasPayload: false }
  ])
  await draft.putPackages([draftOf('fix', { version: '2', files: [file('elsewhere.uxz')] })])
  t.match(await draft.earlierPackages(['fix']), [{ hasPayload: true }])
  await draft.publish(NOW)
  const packages = await listPackages(db)
  t.same(
    packages.map(({ fixid, version, files }) => [fixid, version, files.map(({ path }) => path)]),
    [
      ['fix', '2', ['elsewhere.uxz']],
      ['other', '1', ['other.uxz']]
    ]
  )
})

testOnBoth('a scan replaces differing packages, and keeps the rows of all others', async (t) => {
  const { db } = await makeDepot(t)
  const { begin, draft } = createScanStore(db, 1, [])
  const scan = async (...items: DraftPackage[]) => {
    await begin()
    await draft.putPackages(items)
    await draft.publish(NOW)
    const rows = await db.selectFrom('package').select(['fixid', 'id']).execute()
    return new Map(rows.map(({ fixid, id }) => [fixid, id]))
  }
  const before = await scan(draftOf('changed'), draftOf('gone'), draftOf('same'))
  const after = await scan(draftOf('changed', { version: '2' }), draftOf('new'), draftOf('same'))
  t.same([...after.keys()].sort(), ['changed', 'new', 'same'])
  t.equal(after.get('same'), before.get('same'))
  t.not(after.get('changed'), before.get('changed'))
  const paths = (await db.selectFrom('file').select('path').orderBy('path').execute()).map(({ path }) => path)
  t.same(paths, ['changed.uxz', 'new.uxz', 'same.uxz'], 'files are deleted with their last package')
})

testOnBoth('a file of two packages is one row, and is updated', async (t) => {
  const { db } = await makeDepot(t)
  const { begin, draft } = createScanStore(db, 1, [])
  for (const size of [5, 6]) {
    await begin()
    await draft.putPackages(['one', 'two'].map((fixid) => draftOf(fixid, { files: [file('shared.uxz', size)] })))
    await draft.publish(NOW)
    t.same(await db.selectFrom('file').select(['path', 'size']).execute(), [{ path: 'shared.uxz', size }])
  }
})

testOnBoth('a reading transaction sees the old catalog to its end, and later ones the new catalog', async (t) => {
  const depot = await makeDepot(t, packageFiles({ fixid: 'old' }))
  await depot.scan()
  const fixids = async (db: typeof depot.db) => (await listPackages(db)).map(({ fixid }) => fixid)
  await depot.db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => {
      t.same(await fixids(trx), ['old'])
      depot.write(packageFiles({ fixid: 'new' }))
      await depot.scan()
      t.same(await fixids(trx), ['old'])
    })
  t.same(await fixids(depot.db), ['new', 'old'])
})

testOnBoth('every missing member is reported, even if there are many', async (t) => {
  const members = Array.from({ length: 1_101 }, (_, number) => `gone-${number}`)
  const contents = ['perhaps-a-member']
  const depot = await makeDepot(t, {
    'pack.xml': classicXml({ category: 'UXSP', includedFixIds: [...members, 'pack-2'], contents }),
    'pack-2.xml': classicXml({ category: 'UXSP', includedFixIds: ['gone-0', 'gone-0'] })
  })
  await depot.scan()
  const problems = await listProblems(depot.db)
  t.equal(problems.length, 1_102)
  t.ok(problems.every(({ code }) => code === 'missing-member'))
  const texts = new Set(problems.filter(({ path }) => path === 'pack.xml').map(({ text }) => text))
  for (const member of members) if (!texts.has(sentence(member))) t.fail(member)
  t.same(
    problems.filter(({ path }) => path === 'pack-2.xml').map(({ text }) => text),
    [sentence('gone-0')]
  )
})

function sentence(fixid: string): string {
  return `The system pack lists a package that is not in the repository: ${fixid}`
}

testOnBoth('an unchanged catalog keeps its packages, and the problems that were not checked', async (t) => {
  const { db } = await makeDepot(t)
  const { begin, draft } = createScanStore(db, 1, [])
  await begin()
  await draft.addProblems([
    { code: 'orphan-file', path: 'a', text: 'kept' },
    { code: 'broken-link', path: 'b', text: 'gone by now' },
    { code: 'broken-link', path: 'b', text: 'gone by now' }
  ])
  await draft.publish(NOW)
  t.equal((await listProblems(db)).length, 2)
  t.equal(await draft.isCatalogCurrent(), true)
  await begin()
  await draft.addProblems([{ code: 'special-file', path: 'c', text: 'new' }])
  const later = new Date('2026-05-07T00:00:00Z')
  await draft.publishUnchanged(later, ['broken-link', 'special-file'])
  t.same(
    (await listProblems(db)).map(({ path }) => path),
    ['a', 'c']
  )
  t.match(await db.selectFrom('catalog').selectAll().execute(), [{ read_at: later.getTime(), is_current: 1 }])
})
