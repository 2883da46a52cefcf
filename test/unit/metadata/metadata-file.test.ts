import t from 'tap'
import { splitName } from '../../../src/core/catalog/file-name.ts'
import {
  isV3Member,
  METADATA_SUFFIXES,
  type MetadataContents,
  metadataSizeLimit,
  parseMetadataFile,
  parseV3Zip
} from '../../../src/metadata/metadata-file.ts'
import { instance, property } from '../../support/metadata/xml.ts'

const parse = (name: string, text: string) => parseMetadataFile(splitName(name), Buffer.from(text))
const INDEX = JSON.stringify({ Updates: [{ Payload: 'payloads/p.uxz', Oem: { Name: 'From the index' } }] })
const INVENTORY = JSON.stringify({ UpdateType: 'Core', Description: 'From the inventory' })
const SHA = 'a'.repeat(64)

t.test('the suffix of a file determines its parser', async (t) => {
  t.match(parse('d-1.00.xml', instance(property('name', 'x'))), { packages: [{ fixid: 'd-1.00', form: 'classic' }] })
  t.match(parse('d-1.00.XML', instance()), { packages: [{ fixid: 'd-1.00' }] })
  t.match(parse('p-1_index.json', INDEX), { packages: [{ fixid: 'p-1', form: 'v3' }] })
  t.match(parse('p-1_inventory.json', INVENTORY), { inventory: { updateType: 'Core' } })
  const signature = { FileName: 'p.uxz', Oem: { 'Sha-256': SHA, SizeBytes: 5 } }
  t.strictSame(parse('p-1_signature.json', JSON.stringify({ AuthenticitySignature: [signature] })), {
    signatures: [{ fileName: 'p.uxz', sha256: SHA, size: 5 }]
  })
})

t.test('files with other suffixes are not parsed', async (t) => {
  for (const name of [
    'p.txt',
    'p.chg',
    'p.uxz',
    'p.zip',
    'p.json',
    'p_location.json',
    'p.dd.xml',
    'p.xml.part',
    'xml'
  ]) {
    t.equal(parse(name, INDEX), undefined, name)
  }
})

t.test('an error in a file is part of the result', async (t) => {
  const codeOf = (name: string, text: string) => {
    const contents = parse(name, text)
    return contents !== undefined && 'problem' in contents ? contents.problem.code : contents
  }
  t.equal(codeOf('p.xml', '<html/>'), 'not-metadata')
  t.equal(codeOf('p.xml', '<INSTANCE>'), 'broken-metadata')
  t.equal(codeOf('p.xml', `<!DOCTYPE a>${instance()}`), 'unsafe-metadata')
  t.equal(codeOf('p_index.json', '{}'), 'not-metadata')
  for (const name of ['p_index.json', 'p_inventory.json', 'p_signature.json']) {
    t.equal(codeOf(name, '{'), 'broken-metadata', name)
    t.equal(codeOf(name, ''), 'broken-metadata', name)
  }
})

t.test('every suffix of metadata but .zip has a size limit, and no other suffix has one', async (t) => {
  const MiB = 2 ** 20
  const limits = METADATA_SUFFIXES.map((suffix) => [suffix, metadataSizeLimit(suffix)])
  t.strictSame(Object.fromEntries(limits), {
    '.xml': 8 * MiB,
    '_index.json': 64 * MiB,
    '_inventory.json': 64 * MiB,
    '_signature.json': 64 * MiB,
    '.zip': undefined
  })
  for (const suffix of ['', '.json', '_location.json', '.dd.xml', '.uxz']) t.equal(metadataSizeLimit(suffix), undefined)
})

t.test('index and inventory at the top of a .zip are its metadata', async (t) => {
  for (const name of ['index.json', 'INDEX.JSON', 'p-1_index.json', 'p-1_inventory.json']) t.ok(isV3Member(name), name)
  for (const name of [
    'payloads/index.json',
    'd/p_index.json',
    'p.json',
    'myindex.json',
    'p_index.json.bak',
    'p.uxz',
    ''
  ]) {
    t.notOk(isV3Member(name), name)
  }
})

const zip = (members: Record<string, string>, baseName = 'z-1') =>
  parseV3Zip(new Map(Object.entries(members).map(([name, text]) => [name, Buffer.from(text)])), baseName)

const packagesOf = (contents: MetadataContents | undefined) =>
  contents !== undefined && 'packages' in contents ? contents.packages : []

t.test('a V3 package in one .zip is one update that names no files', async (t) => {
  for (const member of ['p_index.json', 'index.json']) {
    const packages = packagesOf(zip({ [member]: INDEX }))
    const facts = packages.map(({ fixid, kind, form, name, payloads, companions }) => [
      fixid,
      kind,
      form,
      name,
      payloads,
      companions
    ])
    t.strictSame(facts, [['z-1', 'update', 'v3', 'From the index', [], []]], member)
  }
})

t.test('the named index in a .zip takes precedence over index.json, and an inventory adds to it', async (t) => {
  const whole = zip({
    'index.json': '{"Updates":[{"Oem":{"Name":"other"}}]}',
    'p_index.json': INDEX,
    'p_inventory.json': INVENTORY
  })
  t.match(whole, { packages: [{ name: 'From the index', description: 'From the inventory', updateType: 'Core' }] })
})

t.test('the index of a bundle in a .zip adds no members', async (t) => {
  const index = { Updates: [{ Oem: { FixId: 'a-1' } }, { Oem: { FixId: 'b-1' } }], Oem: { Name: 'Bundle' } }
  const packages = packagesOf(zip({ 'b_index.json': JSON.stringify(index) }))
  const facts = packages.map(({ fixid, kind, form, name, members }) => [fixid, kind, form, name, members])
  t.strictSame(facts, [['z-1', 'update', 'v3', 'Bundle', []]])
})

t.test('a .zip that was renamed, or has several payloads, is still the package its index describes', async (t) => {
  const update = { Payload: 'payloads/a.uxz', Oem: { FixId: { Name: 'a-1' }, Inventory: [{ Version: '3.09' }] } }
  for (const updates of [[update], [update, { ...update, Payload: 'payloads/b.uxz' }]]) {
    const index = JSON.stringify({ Updates: updates, Oem: { BundleData: { ParentFixIds: ['a-1'] } } })
    for (const baseName of ['a-1', 'a-1 (1)']) {
      const packages = packagesOf(zip({ 'a-1_index.json': index }, baseName))
      const facts = packages.map(({ fixid, version, category, members }) => [fixid, version, category, members])
      t.strictSame(facts, [['a-1', '3.09', '', []]], `${updates.length} in ${baseName}`)
    }
  }
})

t.test('every member that is an index is read, in any case of letters', async (t) => {
  for (const name of ['index.json', 'p_index.json', 'P_INDEX.JSON', 'Index.json', 'INDEX.JSON']) {
    t.ok(isV3Member(name), name)
    t.match(zip({ [name]: INDEX }), { packages: [{ name: 'From the index' }] }, name)
  }
})

t.test('a .zip without an index is no V3 package', async (t) => {
  t.equal(zip({}), undefined)
  t.equal(zip({ 'p_inventory.json': INVENTORY }), undefined)
})

t.test('a .zip whose metadata is broken is reported', async (t) => {
  t.match(zip({ 'p_index.json': '{' }), { problem: { code: 'broken-metadata' } })
  t.match(zip({ 'p_index.json': '{}' }), { problem: { code: 'not-metadata' } })
  t.match(zip({ 'p_index.json': INDEX, 'p_inventory.json': '[]' }), { problem: { code: 'broken-metadata' } })
})
