import t from 'tap'
import { parseV3Index } from '../../../src/metadata/v3-index.ts'

const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value))
const parseIndex = (value: unknown) => parseV3Index(bytesOf(value), 'base-name')

const NIC = 'brcm-lnvgy_fw_nic_nx1.14e4.1657.17aa.402d-227.0.3.1-0342_anyos_comp'

const nicUpdate = {
  Payload: `payloads/${NIC}.lvt`,
  Inventory: `${NIC}_inventory.json`,
  Locations: `${NIC}_location.json`,
  AuthenticitySignature: `${NIC}_signature.json`,
  Oem: {
    Inventory: [
      { SoftwareId: 'DEVICE-14E4-1657-17AA-402D-13', Version: '227.0.3.1', OperatingSystem: 'anyos', Payload: '' },
      {
        SoftwareId: 'DEVICE-14E4-1657-17AA-402D-12',
        Version: '227.0.3.0',
        OperatingSystem: 'linux',
        Payload: 'two.lvt'
      }
    ],
    FixId: { DsNumber: 'DS1', Name: NIC },
    ApplicableMachineTypes: ['ThinkSystem SR650 [7X05]', '7X06']
  }
}

/** The description of an update without facts. */
const [BARE] = parseIndex({ Updates: [{}] })

t.test('the index of one package describes it', async (t) => {
  t.strictSame(parseIndex({ Updates: [nicUpdate] }), [
    {
      ...BARE,
      fixid: NIC,
      kind: 'update',
      form: 'v3',
      version: '227.0.3.1',
      machineTypes: [
        { type: '7X05', name: 'ThinkSystem SR650' },
        { type: '7X06', name: '' }
      ],
      operatingSystems: ['anyos', 'linux'],
      family: 'DEVICE-14E4-1657-17AA-402D-12',
      payloads: [{ name: `payloads/${NIC}.lvt` }, { name: 'two.lvt' }],
      companions: [`${NIC}_inventory.json`, `${NIC}_location.json`, `${NIC}_signature.json`]
    }
  ])
})

t.test('an update without facts is a package with only a fixid', async (t) => {
  const said = Object.entries(BARE ?? {}).filter(([, value]) => Object.keys(value).length > 0)
  t.strictSame(Object.fromEntries(said), { fixid: 'base-name', kind: 'update', form: 'v3' })
})

t.test('missing facts of an update come from its index, and a missing fixid from the base name', async (t) => {
  const Oem = {
    Name: 'Name of all',
    Version: '24a.0',
    ReleaseDate: '2024-03-01T16.22.44Z',
    Description: 'About all',
    ApplicableMachineTypes: ['7X05']
  }
  t.match(parseIndex({ Updates: [{ Payload: 'p.lvt' }], Oem }), [
    {
      fixid: 'base-name',
      name: 'Name of all',
      version: '24a.0',
      releaseDate: '2024-03-01',
      description: 'About all',
      machineTypes: [{ type: '7X05' }]
    }
  ])
})

const BUNDLE = {
  Updates: [
    nicUpdate,
    { Payload: 'payloads/x.uxz', Oem: { FixId: { Name: 'x-1' }, ApplicableMachineTypes: ['7X07'] } }
  ],
  Oem: {
    FixId: { Name: 'lnvgy_bundle_svcpack_ka-24a.0_platform_comp' },
    Name: 'Service Pack',
    Version: '24a.0',
    ReleaseDate: '2024-03-01T16.22.44Z',
    Description: 'Everything',
    BundleData: { ParentFixIds: ['parent-1', NIC, 'parent-1', '', 'a/b'] },
    DocumentationFiles: { ReleaseNotes: ['notes.html'], ChangeHistory: ['bundle.chg', 'notes.html'] }
  }
}

t.test('the index of a bundle describes the bundle first, then its components', async (t) => {
  const [bundle, ...components] = parseIndex(BUNDLE)
  t.strictSame(bundle, {
    ...BARE,
    fixid: 'lnvgy_bundle_svcpack_ka-24a.0_platform_comp',
    kind: 'system-pack',
    form: 'v3-bundle',
    name: 'Service Pack',
    version: '24a.0',
    category: 'UXSP',
    updateType: 'uxsp',
    releaseDate: '2024-03-01',
    description: 'Everything',
    machineTypes: bundle?.machineTypes,
    members: [
      { fixid: NIC, kind: 'listed' },
      { fixid: 'x-1', kind: 'listed' },
      { fixid: 'parent-1', kind: 'parent' }
    ],
    companions: ['notes.html', 'bundle.chg']
  })
  const facts = components.map(({ fixid, kind, form }) => [fixid, kind, form])
  t.strictSame(facts, [
    [NIC, 'update', 'v3'],
    ['x-1', 'update', 'v3']
  ])
})

t.test('a bundle without machine types has those of its components', async (t) => {
  t.strictSame(
    parseIndex(BUNDLE)[0]?.machineTypes.map(({ type }) => type),
    ['7X05', '7X06', '7X07']
  )
  const own = { ...BUNDLE, Oem: { ...BUNDLE.Oem, ApplicableMachineTypes: ['7Z23'] } }
  t.strictSame(
    parseIndex(own)[0]?.machineTypes.map(({ type }) => type),
    ['7Z23']
  )
})

t.test('an index with one update and bundle data is a bundle', async (t) => {
  const kinds = parseIndex({ Updates: [nicUpdate], Oem: { BundleData: {} } }).map(({ fixid, kind }) => [fixid, kind])
  t.strictSame(kinds, [
    ['base-name', 'system-pack'],
    [NIC, 'update']
  ])
})

t.test('updates with the same fixid are one package with all their payloads', async (t) => {
  const second = {
    ...nicUpdate,
    Payload: 'payloads/second.lvt',
    Oem: { ...nicUpdate.Oem, ApplicableMachineTypes: ['7X07'] }
  }
  const [bundle, nic, ...others] = parseIndex({ Updates: [nicUpdate, second] })
  t.strictSame(bundle?.members, [{ fixid: NIC, kind: 'listed' }])
  t.strictSame(others, [])
  const names = [`payloads/${NIC}.lvt`, 'two.lvt', 'payloads/second.lvt']
  t.strictSame(
    nic?.payloads,
    names.map((name) => ({ name }))
  )
  t.strictSame(
    nic?.machineTypes.map(({ type }) => type),
    ['7X05', '7X06', '7X07']
  )
  t.equal(nic?.companions.length, 3)
})

t.test('the index of a package with several payloads is no bundle', async (t) => {
  const second = { ...nicUpdate, Payload: 'payloads/second.lvt' }
  const index = bytesOf({ Updates: [nicUpdate, second], Oem: { BundleData: { ParentFixIds: ['parent-1'] } } })
  const [nic, ...others] = parseV3Index(index, NIC.toUpperCase())
  t.strictSame(others, [])
  t.match(nic, { fixid: NIC, kind: 'update', version: '227.0.3.1', members: { length: 0 } })
  const names = [`payloads/${NIC}.lvt`, 'two.lvt', 'payloads/second.lvt']
  t.strictSame(
    nic?.payloads.map(({ name }) => name),
    names
  )
})

t.test('updates of a bundle without a valid fixid are skipped', async (t) => {
  const updates = [{}, { Oem: { FixId: 'x-1' } }, { Oem: { FixId: { Name: '../x' } } }, { Oem: { FixId: { Name: 5 } } }]
  const [bundle, ...components] = parseIndex({ Updates: updates })
  t.strictSame(
    components.map(({ fixid }) => fixid),
    ['x-1', '5']
  )
  t.strictSame(
    bundle?.members.map(({ fixid }) => fixid),
    ['x-1', '5']
  )
})

t.test('keys are case-insensitive', async (t) => {
  const lower = JSON.stringify({ Updates: [nicUpdate] }).replace(/"(\w+)":/g, (key) => key.toLowerCase())
  t.strictSame(parseV3Index(Buffer.from(lower), 'base-name'), parseIndex({ Updates: [nicUpdate] }))
})

t.test('an index that lists no updates is not metadata', async (t) => {
  for (const value of [{}, { Updates: [] }, { Updates: {} }, { Updates: null }, { Updates: ['x', null, 1] }]) {
    t.throws(() => parseIndex(value), { name: 'MetadataError', code: 'not-metadata' }, JSON.stringify(value))
  }
  t.throws(() => parseIndex([nicUpdate]), { name: 'MetadataError', code: 'broken-metadata' })
})

t.test('members of a wrong type are treated as absent', async (t) => {
  for (const wrong of [null, 1, true, [], {}, [[]], [null], [1]]) {
    const files = ['Payload', 'Inventory', 'Locations', 'AuthenticitySignature']
    const update = Object.fromEntries(files.map((key) => [key, [wrong]]))
    const oem = { Inventory: wrong, FixId: { Name: [wrong] }, ApplicableMachineTypes: [wrong], Name: [wrong] }
    t.strictSame(parseIndex({ Updates: [{ ...update, Oem: oem }], Oem: wrong }), [BARE], JSON.stringify(wrong))
  }
})
