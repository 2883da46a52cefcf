import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import type { Database } from '../../../../src/store/engine/database.ts'
import { classicXml, listPackages, listProblems, makeDepot } from '../../../support/depot.ts'
import type { Files } from '../../../support/packages.ts'
import { rawZip } from '../../../support/raw-zip.ts'

const update = (fixid: string, payload: string, version = '1.00') => ({
  Payload: payload,
  Inventory: `${fixid}_inventory.json`,
  AuthenticitySignature: `${fixid}_signature.json`,
  Oem: { FixId: { Name: fixid }, Inventory: [{ SoftwareId: `ID-${fixid}`, Version: version }] }
})

const index = (updates: object[], oem: object = {}) => JSON.stringify({ Updates: updates, Oem: oem })

/** A bundle of two components: `own-1` has its own metadata, `bare-1` is only in the index of the bundle. */
const BUNDLE: Files = {
  'b/bundle-1_index.json': index([update('own-1', 'payloads/own.lvt'), update('bare-1', 'payloads/bare.lvt')], {
    Name: 'bundle-1',
    Version: '24a.0'
  }),
  'b/bundle-1.txt': 'bundle',
  'b/own-1_index.json': index([update('own-1', 'payloads/own.lvt', '2.00')], { Name: 'bundle-1' }),
  'b/own-1_inventory.json': JSON.stringify({ Description: 'Own', UpdateType: 'OOB' }),
  'b/bare-1_inventory.json': JSON.stringify({ Description: 'Bare', UpdateType: 'BMU' }),
  'b/bare-1.chg': 'changes',
  'b/payloads/own.lvt': 'own',
  'b/payloads/bare.lvt': 'bare'
}

async function scanned(t: Test, files: Files): Promise<Database> {
  const depot = await makeDepot(t, files)
  await depot.scan()
  return depot.db
}

const problemsOf = async (db: Database) => (await listProblems(db)).map(({ path, code }) => `${path} ${code}`)

async function factsOf(db: Database) {
  const packages = await listPackages(db)
  return packages.map(({ fixid, kind, version, updateType, payloadState, files }) => {
    return { facts: [fixid, kind, version, updateType, payloadState].join(' '), files: files.map(({ path }) => path) }
  })
}

t.test('a bundle and its components share a directory, and each has its own files', async (t) => {
  const db = await scanned(t, BUNDLE)
  t.same(await factsOf(db), [
    {
      facts: 'bare-1 update 1.00 BMU present',
      files: ['b/bare-1.chg', 'b/bare-1_inventory.json', 'b/payloads/bare.lvt']
    },
    { facts: 'bundle-1 system-pack 24a.0 uxsp none', files: ['b/bundle-1.txt', 'b/bundle-1_index.json'] },
    {
      facts: 'own-1 update 2.00 OOB present',
      files: ['b/own-1_index.json', 'b/own-1_inventory.json', 'b/payloads/own.lvt']
    }
  ])
  t.same((await listPackages(db)).find(({ fixid }) => fixid === 'bundle-1')?.members, ['own-1', 'bare-1'])
  t.same(await problemsOf(db), [])
})

t.test('components without files are listed as not downloaded', async (t) => {
  const { 'b/bundle-1_index.json': bundle = '' } = BUNDLE
  const db = await scanned(t, { 'bundle-1_index.json': bundle })
  t.same(
    (await factsOf(db)).map(({ facts }) => facts),
    ['bare-1 update 1.00  missing', 'bundle-1 system-pack 24a.0 uxsp none', 'own-1 update 1.00  missing']
  )
  t.same(await problemsOf(db), [])
})

t.test('two components may share a payload', async (t) => {
  const db = await scanned(t, {
    'bundle-1_index.json': index([update('a-1', 'payloads/both.lvt'), update('b-1', 'payloads/both.lvt')]),
    'payloads/both.lvt': 'both'
  })
  t.same(await factsOf(db), [
    { facts: 'a-1 update 1.00  present', files: ['payloads/both.lvt'] },
    { facts: 'b-1 update 1.00  present', files: ['payloads/both.lvt'] },
    { facts: 'bundle-1 system-pack  uxsp none', files: ['bundle-1_index.json'] }
  ])
})

t.test('a component that is also in another directory is a duplicate', async (t) => {
  const own = rawZip([{ name: 'index.json', content: index([update('bare-1', 'payloads/bare.lvt')]) }])
  const db = await scanned(t, { ...BUNDLE, 'bare-1.zip': own })
  t.equal((await listPackages(db)).length, 3)
  t.same(await problemsOf(db), ['bare-1.zip duplicate-fixid'])
})

t.test('a signature beside the index vouches for the payload', async (t) => {
  const signature = (content: string) => {
    const digest = createHash('sha256').update(content).digest('hex')
    const item = { FileName: 'payloads/p.lvt', Oem: { 'Sha-256': digest, SizeBytes: 4 } }
    return JSON.stringify({ AuthenticitySignature: [item] })
  }
  for (const [content, codes] of Object.entries({ good: [], evil: ['payloads/p.lvt digest-mismatch'] })) {
    await t.test(content, async (t) => {
      const db = await scanned(t, {
        'p-1_index.json': index([update('p-1', 'payloads/p.lvt')]),
        'p-1_signature.json': signature('good'),
        'payloads/p.lvt': content
      })
      t.same(await problemsOf(db), codes)
    })
  }
})

t.test('a .zip with an index is a whole package, and one without is an orphan', async (t) => {
  const members = [
    { name: 'v3-1_index.json', content: index([update('v3-1', 'payloads/p.uxz', '3.09')]) },
    { name: 'v3-1_inventory.json', content: JSON.stringify({ UpdateType: 'Core' }) },
    { name: 'payloads/p.uxz', content: 'payload' }
  ]
  const db = await scanned(t, {
    'v3-1.zip': rawZip(members),
    'plain.zip': rawZip([{ name: 'a.txt', content: 'a' }]),
    'damaged.zip': rawZip(members).subarray(0, 300),
    'broken.zip': rawZip([{ name: 'index.json', content: '{' }])
  })
  t.same(await factsOf(db), [{ facts: 'v3-1 update 3.09 Core present', files: ['v3-1.zip'] }])
  t.match(await listPackages(db), [{ files: [{ role: 'payload' }] }])
  t.same(await problemsOf(db), ['broken.zip broken-metadata', 'damaged.zip orphan-file', 'plain.zip orphan-file'])
})

t.test('a .zip that classic metadata claims is its payload, whatever it contains', async (t) => {
  const zip = rawZip([{ name: 'index.json', content: index([update('v3-1', 'payloads/p.uxz')]) }])
  const db = await scanned(t, {
    'named-1.xml': classicXml({ payload: 'sub/other.zip' }),
    'sub/other.zip': zip,
    'beside-1.xml': classicXml({ category: 'AMM' }),
    'beside-1.zip': zip,
    'beside-1_tools.zip': zip
  })
  t.same(
    (await factsOf(db)).map(({ facts, files }) => [facts.split(' ')[0], files]),
    [
      ['beside-1', ['beside-1.xml', 'beside-1.zip']],
      ['named-1', ['named-1.xml', 'sub/other.zip']],
      ['v3-1', ['beside-1_tools.zip']]
    ]
  )
  t.same(await problemsOf(db), [])
})

t.test('companion files that no index names are orphans', async (t) => {
  const db = await scanned(t, {
    'lost_inventory.json': '{}',
    'lost_signature.json': '{}',
    'lost_location.json': '{}',
    'lost.json': '{}'
  })
  t.same(
    await problemsOf(db),
    ['lost.json', 'lost_inventory.json', 'lost_location.json', 'lost_signature.json'].map(
      (name) => `${name} orphan-file`
    )
  )
})
