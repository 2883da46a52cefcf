import t from 'tap'
import { parseV3Inventory, parseV3Signature, withInventory } from '../../../src/metadata/v3-companions.ts'
import { parseV3Index } from '../../../src/metadata/v3-index.ts'

const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value))
const parseIndex = (value: unknown) => parseV3Index(bytesOf(value), 'base-name')
const parseInventory = (value: unknown) => parseV3Inventory(bytesOf(value))
const signatures = (...items: unknown[]) => parseV3Signature(bytesOf({ AuthenticitySignature: items }))

const SHA = 'b157d97b1f69729514feb7f201d2cbe4957f23ab77920e361fe9f822ba49ca4c'

t.test('an inventory adds the facts that the index lacks', async (t) => {
  const inventory = parseInventory({
    Description: 'From the inventory',
    ReleaseDate: '2024-03-01T16.22.44Z',
    UpdateType: 'BMU',
    ActivationMethod: 'System reboot',
    Prerequisites: ['a-1', { FixId: 'b-1' }, { fixid: 'a-1' }, null, 5, {}, '../x'],
    Devices: [{ SoftwareIds: ['B', 'A'] }, {}, null]
  })
  t.strictSame(inventory, {
    description: 'From the inventory',
    releaseDate: '2024-03-01',
    updateType: 'BMU',
    rebootRequired: 'System reboot',
    family: 'A',
    requisites: [
      { fixid: 'a-1', kind: 'prerequisite' },
      { fixid: 'b-1', kind: 'prerequisite' }
    ]
  })
  const [bare] = parseIndex({ Updates: [{}] })
  const [own] = parseIndex({
    Updates: [{ Oem: { Name: 'Own', ReleaseDate: '2025-01-01', Inventory: [{ SoftwareId: 'Z' }] } }]
  })
  t.ok(bare && own)
  if (!bare || !own) return
  const { description, ...rest } = inventory
  t.match(withInventory(bare, inventory), { name: description, description, ...rest })
  t.match(withInventory(own, inventory), { name: 'Own', releaseDate: '2025-01-01', family: 'Z', updateType: 'BMU' })
})

t.test('an inventory without facts is empty', async (t) => {
  const empty = { description: '', releaseDate: '', updateType: '', rebootRequired: '', family: '', requisites: [] }
  for (const value of [{}, { Devices: {}, Prerequisites: 'none' }, { Devices: [1], Prerequisites: {} }]) {
    t.strictSame(parseInventory(value), empty)
  }
  t.throws(() => parseInventory([]), { name: 'MetadataError', code: 'broken-metadata' })
})

t.test('a signature contains the size and digest of a payload', async (t) => {
  const facts = { 'Sha-256': SHA.toUpperCase(), SizeBytes: 5 }
  t.strictSame(signatures({ FileName: 'p.uxz', Oem: facts }), [{ fileName: 'p.uxz', sha256: SHA, size: 5 }])
  t.strictSame(signatures({ Target: 'p.uxz', ...facts, SizeBytes: '5' }), [{ fileName: 'p.uxz', sha256: SHA, size: 5 }])
  t.strictSame(signatures({ Oem: facts }), [{ fileName: '', sha256: SHA, size: 5 }])
})

t.test('signatures of inventories, and those without a valid digest or size, are skipped', async (t) => {
  const usable = { 'Sha-256': SHA, SizeBytes: 5 }
  t.strictSame(
    signatures({ FileName: 'p_inventory.json', Oem: usable }, null, 1, {}, { Oem: { ...usable, 'Sha-256': 'x' } }),
    []
  )
  t.strictSame(signatures({ Oem: { ...usable, SizeBytes: 'many' } }, { Oem: { ...usable, SizeBytes: 1.5 } }), [])
  t.strictSame(parseV3Signature(bytesOf({})), [])
  t.throws(() => parseV3Signature(bytesOf(null)), { name: 'MetadataError', code: 'broken-metadata' })
})

t.test('a signature without a size has none', async (t) => {
  const sizes = signatures({ FileName: 'p.uxz', Oem: { 'Sha-256': SHA } }).map(({ size }) => size)
  t.notOk(sizes.includes(0))
})
