import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { ALLOTMENT_BYTES, buildTestApp, IMPORT_DIRECTORY, openTestDepot } from '../../../support/api/app.ts'
import { equalError } from '../../../support/api/error-body.ts'
import { NIC, OLD_UEFI, PACK, smallRepository, UEFI, XCC } from '../../../support/packages.ts'

const FIRMWARE = '/updateRepositories/firmware'
const STATUS = {
  result: 'informational',
  messages: [
    {
      id: 'FQXHMUP2500I',
      text: 'Repository operation completed successfully.',
      explanation: '',
      recovery: { text: 'Information only; no action is required.', URL: '' }
    }
  ]
}

const depot = await openTestDepot(t, smallRepository())

async function get(query: string) {
  const response = await depot.call(`${FIRMWARE}${query}`)
  return { response, body: response.statusCode === 200 ? response.json() : undefined }
}

const fixidsOf = (items: { fixid: string }[]) => items.map(({ fixid }) => fixid)

function sizeOf(fixid: string): number {
  const names = fs.readdirSync(depot.repositoryDirectory).filter((name) => name.startsWith(fixid))
  return names.reduce((sum, name) => sum + fs.statSync(path.join(depot.repositoryDirectory, name)).size, 0)
}

t.test('every answer is an object with the member named like its key, and a status', async (t) => {
  for (const key of [
    'supportedMts',
    'size',
    'lastRefreshed',
    'importDir',
    'publicKeys',
    'updates',
    'updatesByMt',
    'updatesByMtByComp'
  ]) {
    for (const spelling of [key, key.toLowerCase(), key.toUpperCase()]) {
      const { response, body } = await get(`?key=${spelling}`)
      t.equal(response.statusCode, 200, spelling)
      t.equal(response.headers['content-type'], 'application/json; charset=utf-8')
      t.equal(response.headers['cache-control'], 'no-store')
      t.same(Object.keys(body).sort(), [key, 'status'].sort(), spelling)
      t.same(body.status, STATUS)
    }
  }
})

t.test('size has bytes as integers, and the usage as a word', async (t) => {
  const { size } = (await get('?key=size')).body
  const usedSpace = [UEFI, OLD_UEFI, XCC, NIC, PACK].reduce((sum, fixid) => sum + sizeOf(fixid), 0)
  const allotment = ALLOTMENT_BYTES
  t.strictSame(size, { freeSpace: allotment - usedSpace, usedSpace, allotment, highusage: 'low' })
})

t.test('from 80 % on the usage is high', async (t) => {
  for (const [usedBytes, usage] of [
    [799, 'low'],
    [800, 'high'],
    [1200, 'high']
  ] as const) {
    const { call } = await buildTestApp(t, { space: async () => ({ usedBytes, allotmentBytes: 1000, freeBytes: 5 }) })
    t.match((await call(`${FIRMWARE}?key=size`)).json(), { size: { highusage: usage, freeSpace: 5 } })
  }
})

t.test('the time of the last scan has the format of the appliance', async (t) => {
  for (const [readAt, expected] of [
    [new Date('2017-05-11T08:35:59.999Z'), '05-11-2017-08:35'],
    [new Date('2026-12-31T23:59:00Z'), '12-31-2026-23:59'],
    [undefined, '']
  ] as const) {
    const catalog = { readAt: async () => readAt } as never
    const { call } = await buildTestApp(t, { catalog })
    t.equal((await call(`${FIRMWARE}?key=lastRefreshed`)).json().lastRefreshed, expected)
  }
  t.match((await get('?key=lastRefreshed')).body.lastRefreshed, /^\d\d-\d\d-\d{4}-\d\d:\d\d$/)
})

t.test('the import directory is the repository, and there are no keys', async (t) => {
  t.equal((await get('?key=importDir')).body.importDir, IMPORT_DIRECTORY)
  t.same((await get('?key=publicKeys')).body.publicKeys, [])
})

t.test('all values of machine types are strings', async (t) => {
  const { supportedMts } = (await get('?key=supportedMts')).body
  const server = { category: 'server', comp: '[]', inventoryMT: 'false', supportDownload: 'false' }
  t.strictSame(supportedMts, [
    { type: '7X01', displayType: '7X01', name: 'Lenovo ThinkSystem SR630 Server', ...server },
    { type: '7X05', displayType: '7X05', name: 'Lenovo ThinkSystem SR650 Server', ...server },
    { type: '7X06', displayType: '7X06', name: 'Lenovo ThinkSystem SR650 Server', ...server }
  ])
})

t.test('components are a JSON array in a string, for all machine types or for some', async (t) => {
  const comps = async (query: string) => {
    const { parameter, value } = (await get(`?key=updatesByMtByComp${query}`)).body.updatesByMtByComp
    t.equal(parameter, 'MTS')
    return value.map(({ type, comp }: { type: string; comp: string }) => [type, JSON.parse(comp)])
  }
  const all = await comps('')
  t.same(
    all.map(([type]: [string]) => type),
    ['7X01', '7X05', '7X06']
  )
  t.same(all[0], ['7X01', ['Network', 'XCC']])
  t.same(await comps('&mt=7x01'), [['7X01', ['Network', 'XCC']]])
  t.same(await comps('&mt=0000'), [])
})

t.test('an update has all its properties', async (t) => {
  const { updates } = (await get('?key=updates')).body
  t.same(fixidsOf(updates), [NIC, OLD_UEFI, UEFI, XCC])
  t.strictSame(updates[2], {
    fixid: UEFI,
    comp: 'UEFI',
    buildNumber: 'IVE164O',
    name: `Name of ${UEFI}`,
    version: '3.10',
    releaseDate: '2026-01-05',
    severity: 'Suggested',
    description: `Says "<${UEFI}>" & more`,
    type: 'firmware',
    rebootRequired: 'yes',
    downloaded: true,
    size: sizeOf(UEFI),
    mt: ['7X05', '7X06'],
    preReq: [XCC],
    coReq: [],
    supersedes: [],
    members: []
  })
  t.match(updates[0], { fixid: NIC, downloaded: false, size: sizeOf(NIC) })
})

t.test('no key at all and the bare flag updates both list the updates', async (t) => {
  const expected = (await get('?key=updates')).body
  for (const query of ['', '?', '?updates', '?UPDATES', '?updates=', '?with=all', '/?updates', '?unknown=1&a[]=2']) {
    t.same((await get(query)).body, expected, query)
  }
})

t.test('the flag payload also lists the files of each package, in any position', async (t) => {
  for (const query of ['?key=updates&payload', '?payload&key=updates', '?key=updates&payloads=&with=all', '?Payload']) {
    const { updates } = (await get(query)).body
    t.same(
      updates[3].files.map(({ name, role }: { name: string; role: string }) => [name, role]),
      [
        [`${XCC}.chg`, 'change-history'],
        [`${XCC}.txt`, 'readme'],
        [`${XCC}.uxz`, 'payload'],
        [`${XCC}.xml`, 'metadata']
      ],
      query
    )
    t.match(updates[3].files[2], { size: 6, sha256: /^[0-9a-f]{64}$/ })
  }
  t.notOk((await get('?key=updates')).body.updates.some((update: object) => 'files' in update))
})

t.test('updates are filtered by machine type, in every spelling of the list', async (t) => {
  for (const [mt, expected] of [
    ['mt=7X01', [NIC, XCC]],
    ['mt=7x06', [OLD_UEFI, UEFI, XCC]],
    ['MT=7X01,7X06', [NIC, OLD_UEFI, UEFI, XCC]],
    ['mt=7X01&mt=7X06', [NIC, OLD_UEFI, UEFI, XCC]],
    ['mts=7X01%2C%207x06', [NIC, OLD_UEFI, UEFI, XCC]],
    ['mt=0000', []],
    ['mt=', [NIC, OLD_UEFI, UEFI, XCC]],
    ['mt=,', [NIC, OLD_UEFI, UEFI, XCC]]
  ] as const) {
    t.same(fixidsOf((await get(`?key=updates&${mt}`)).body.updates), expected, mt)
  }
})

t.test('latest omits packages that a newer one of their line replaces', async (t) => {
  t.same(fixidsOf((await get('?key=updates&with=latest')).body.updates), [NIC, UEFI, XCC])
  t.same(fixidsOf((await get('?key=updates&WITH=Latest&mt=7X06')).body.updates), [UEFI, XCC])
})

t.test('an unknown key or scope is refused with the accepted ones named', async (t) => {
  for (const [query, text] of [
    ['?key=packages', /^The parameter key has the value "packages"; accepted are updates, updatesByMt, /],
    ['?key=', /^The parameter key has the value ""/],
    ['?key=toString', /^The parameter key has the value "toString"/],
    ['?key=uxsps', /^The parameter key has the value "uxsps"/],
    ['?key=size&key=updates', /^The parameter key is given twice, as size and as updates\.$/],
    ['?key=updates&with=newest', /^The parameter with has the value "newest"; accepted are all, latest\.$/],
    ['?action=read', /^The parameter action has the value "read"; accepted are export\.$/],
    ['/uxsps?key=updates', /^The parameter key has the value "updates"; accepted are uxsps, uxspsByMt, export\.$/]
  ] as const) {
    equalError(t, (await get(query)).response, { status: 400, id: 'FQXHMUP9001L', text }, query)
  }
})

t.test('a HEAD request has no body', async (t) => {
  for (const key of ['updates', 'size']) {
    const response = await depot.call(`${FIRMWARE}?key=${key}`, { method: 'HEAD' })
    t.equal(response.statusCode, 200)
    t.equal(response.body, '')
  }
})
