import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { isFixid } from '../../../src/metadata/fixid.ts'
import {
  METADATA_SUFFIXES,
  type MetadataContents,
  parseMetadataFile,
  parseV3Zip
} from '../../../src/metadata/metadata-file.ts'
import { callInThread } from '../../support/metadata/call-in-thread.ts'
import { array, instance, property } from '../../support/metadata/xml.ts'

const METADATA_FILE = new URL('../../../src/metadata/metadata-file.ts', import.meta.url)
const CODES = ['broken-metadata', 'not-metadata', 'unsafe-metadata']

/** Whether contents have the declared form, and are equal after serialization as JSON. */
function isSound(contents: MetadataContents | undefined): boolean {
  if (contents === undefined) return false
  if (!isDeepStrictEqual(JSON.parse(JSON.stringify(contents)), contents)) return false
  if ('problem' in contents) return CODES.includes(contents.problem.code) && contents.problem.reason !== ''
  if ('packages' in contents)
    return contents.packages.length > 0 && contents.packages.every(({ fixid }) => isFixid(fixid))
  return 'inventory' in contents || contents.signatures.every(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256))
}

const suffix = fc.constantFrom(...METADATA_SUFFIXES.filter((suffix) => suffix !== '.zip'))
const readAny = (suffix: string, bytes: Uint8Array) => isSound(parseMetadataFile({ stem: 'base-name', suffix }, bytes))

t.test('any bytes are read or reported', async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(`\ufeff${text}`, 'utf16le')),
    fc.string().map((text) => Buffer.from(`<?xml version="1.0" encoding="${text}"?><INSTANCE/>`))
  )
  fc.assert(fc.property(suffix, bytes, readAny), { numRuns: 2000 })
})

const BOMB = '<!DOCTYPE a [<!ENTITY a "b"><!ENTITY c "&a;&a;">]>'
const SNIPPETS = [
  ...'<>&;"\'/=![]',
  '\0',
  '\ufffd',
  '&a;',
  '&#0;',
  '&#xd800;',
  ']]>',
  '<![CDATA[',
  '<!--',
  '<?x?>',
  BOMB
]
const VALID = [
  '<?xml version="1.0" encoding="UTF-8"?>',
  instance(
    property('fixid', 'a-1'),
    property('category', 'UXSP'),
    array('applicableMachineTypes', 'x [7X05]'),
    array('Updates', 'b-1')
  )
].join('')

t.test('XML with damage at any position is read or reported', async () => {
  const snippet = fc.oneof(fc.constantFrom(...SNIPPETS), fc.string({ unit: 'binary', maxLength: 3 }))
  const damage = fc.record({ at: fc.nat({ max: VALID.length }), cut: fc.nat({ max: 40 }), snippet })
  const damaged = fc.array(damage, { maxLength: 4 }).map((damages) => {
    let text = VALID
    for (const { at, cut, snippet } of damages) text = text.slice(0, at) + snippet + text.slice(at + cut)
    return Buffer.from(text)
  })
  fc.assert(
    fc.property(damaged, (bytes) => readAny('.xml', bytes)),
    { numRuns: 2000 }
  )
})

/** JSON with the keys that the parser reads, and arbitrary values. */
const KEYS =
  'Updates Oem FixId Name Payload Inventory Locations AuthenticitySignature ApplicableMachineTypes BundleData ParentFixIds ' +
  'SoftwareId Version Prerequisites Devices SoftwareIds Sha-256 SizeBytes DocumentationFiles ReleaseNotes __proto__ constructor'
const { json } = fc.letrec<{ json: unknown; object: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 7 },
    fc.constantFrom<unknown>(null, true, 5, 'text', 'a-1', '[7X05]', '../x', '', 'a'.repeat(64), '\ud800'),
    tie('object'),
    fc.array(tie('json'), { maxLength: 4 })
  ),
  // Parsed from text, because then `__proto__` is an ordinary key.
  object: fc
    .array(fc.tuple(fc.constantFrom(...KEYS.split(' ')), tie('json')), { maxLength: 6 })
    .map((members) => JSON.parse(`{${members.map(([key, value]) => `"${key}":${JSON.stringify(value)}`).join(',')}}`))
}))

const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value))
const anyJson = fc.oneof(
  fc.jsonValue().map(bytesOf),
  json.map(bytesOf),
  fc
    .array(json, { minLength: 1, maxLength: 3 })
    .map((items) => bytesOf({ Updates: items, AuthenticitySignature: items })),
  fc.tuple(json, json).map(([Oem, item]) => bytesOf({ Updates: [{ Oem }, { Oem: item }], Oem, Prerequisites: [item] }))
)

t.test('any JSON is read or reported', async () => {
  fc.assert(fc.property(suffix, anyJson, readAny), { numRuns: 2000 })
})

t.test('a .zip with any JSON in its members is read, reported, or no package', async () => {
  const name = fc.constantFrom('index.json', 'a_index.json', 'a_inventory.json', 'INDEX.JSON', '__proto__')
  const members = fc.array(fc.tuple(name, anyJson), { maxLength: 3 }).map((members) => new Map(members))
  fc.assert(
    fc.property(members, (members) => {
      const contents = parseV3Zip(members, 'base-name')
      return contents === undefined || isSound(contents)
    }),
    { numRuns: 1000 }
  )
})

async function read(suffix: string, text: string): Promise<MetadataContents> {
  const name = { stem: 'base-name', suffix }
  return (await callInThread(METADATA_FILE, 'parseMetadataFile', name, Buffer.from(text))) as MetadataContents
}

t.test('metadata with growing entities or endless nesting is refused quickly', async (t) => {
  const entities = Array.from({ length: 50 }, (_, index) => `<!ENTITY l${index + 1} "${`&l${index};`.repeat(10)}">`)
  const laughs = `<!DOCTYPE a [<!ENTITY l0 "lol">${entities.join('')}]>${instance(property('name', '&l50;'))}`
  t.match(await read('.xml', laughs), { problem: { code: 'unsafe-metadata' } })
  t.match(await read('.xml', '<a>'.repeat(500_000)), { problem: { code: 'broken-metadata' } })
  t.match(await read('_index.json', '{"Updates":['.repeat(500_000)), { problem: { code: 'broken-metadata' } })
})

t.test('an item of a million brackets has no machine type', async (t) => {
  const contents = await read('.xml', instance(array('applicableMachineTypes', '['.repeat(1_000_000))))
  t.match(contents, { packages: [{ fixid: 'base-name' }] })
})

t.test('a bundle of very many components and parents is read', async (t) => {
  const count = 200_000
  const fixids = (prefix: string) => Array.from({ length: count }, (_, index) => `${prefix}${index}`)
  const Updates = fixids('a').map((FixId) => ({ Oem: { FixId } }))
  const index = JSON.stringify({ Updates, Oem: { BundleData: { ParentFixIds: fixids('p') } } })
  const contents = await read('_index.json', index)
  t.equal('packages' in contents && contents.packages.length, count + 1)
})

t.test('a bundle of very many updates with one fixid is read', async (t) => {
  const Updates = Array.from({ length: 100_000 }, (_, index) => ({ Payload: `p${index}`, Oem: { FixId: 'a-1' } }))
  const contents = await read('_index.json', JSON.stringify({ Updates }))
  t.equal('packages' in contents && contents.packages[1]?.payloads.length, Updates.length)
})
