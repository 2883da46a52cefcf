import t from 'tap'
import { openTestDepot, type TestDepot } from '../../../support/api/app.ts'
import { equalProblem } from '../../../support/api/error-body.ts'
import { ABSENT, NIC, OLD_UEFI, PACK, packageFiles, smallRepository, UEFI, XCC } from '../../../support/packages.ts'

const ALL = [NIC, OLD_UEFI, PACK, UEFI, XCC].sort()

async function fixidsOf(depot: TestDepot, query = ''): Promise<string[]> {
  const response = await depot.call(`/api/v1/packages${query}`)
  return response.json().packages.map(({ fixid }: { fixid: string }) => fixid)
}

t.test('all packages are listed, sorted by fixid', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  const response = await depot.call('/api/v1/packages')
  t.match(response.headers, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
  t.same(await fixidsOf(depot), ALL)
  t.equal(response.json().next, null)
})

t.test('a list is paged with any page size', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  for (const limit of [1, 2, ALL.length, 1000]) {
    const seen: string[] = []
    let cursor = ''
    for (let more = true; more; ) {
      const { packages, next } = (await depot.call(`/api/v1/packages?limit=${limit}${cursor}`)).json()
      t.ok(packages.length <= limit)
      seen.push(...packages.map(({ fixid }: { fixid: string }) => fixid))
      cursor = `&cursor=${next}`
      more = next !== null
    }
    t.same(seen, ALL)
  }
})

t.test('packages are found by their properties', async (t) => {
  const depot = await openTestDepot(t, {
    ...smallRepository(),
    ...packageFiles({ fixid: 'bare', category: '100% (Odd_Name)' })
  })
  t.same(await fixidsOf(depot, '?kind=system-pack'), [PACK])
  t.same(await fixidsOf(depot, `?q=${UEFI.toUpperCase()}`), [UEFI])
  t.same(await fixidsOf(depot, '?q=xcc&kind=update'), [XCC])
  t.same(await fixidsOf(depot, '?downloaded=false&q=bare'), ['bare'])
  t.same(await fixidsOf(depot, '?q=100%25%20(odd_'), ['bare'], 'nothing stands for anything else')
  t.same(await fixidsOf(depot, '?q=%25'), ['bare'])
  const latest = await fixidsOf(depot, '?latest=true')
  t.ok(latest.includes(UEFI) && !latest.includes(OLD_UEFI))
  t.same(await fixidsOf(depot, '?machineType=7x01&kind=update'), [NIC, XCC].sort())
  t.same(await fixidsOf(depot, '?machineType=0000'), [])
})

t.test('one package has its files with their digests, its members and its requisites', async (t) => {
  const depot = await openTestDepot(t, packageFiles({ fixid: 'a', payload: 'content', preReq: ['b'] }))
  const response = await depot.call('/api/v1/packages/a')
  t.match(response.json(), {
    fixid: 'a',
    kind: 'update',
    payloadState: 'present',
    requisites: [{ fixid: 'b', kind: 'prerequisite' }],
    files: [
      { path: 'a.chg', role: String },
      { path: 'a.txt', role: 'readme' },
      {
        path: 'a.uxz',
        role: 'payload',
        size: 7,
        crc32: /^[0-9a-f]{8}$/,
        sha256: 'ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73',
        modifiedAt: /^\d{4}-.*Z$/,
        href: '/api/v1/packages/a/file?path=a.uxz'
      },
      { path: 'a.xml', role: 'metadata' }
    ],
    problems: []
  })
})

t.test('a package has its own problems, and no others', async (t) => {
  const depot = await openTestDepot(t, {
    ...smallRepository(),
    ...packageFiles({ fixid: 'fix', payload: '' }),
    ...packageFiles({ fixid: 'fix.2', payload: '' }),
    'fix.uxz.crdownload': 'half of it',
    'orphan.bin': 'x'
  })
  const { problems } = (await depot.call('/api/v1/packages/fix')).json()
  t.match(problems, [
    { path: 'fix.uxz', code: 'empty-payload', text: 'The payload has no content.' },
    { path: 'fix.uxz.crdownload', code: 'partial-download', text: /\.$/ }
  ])
  t.equal(problems.length, 2)
  const pack = (await depot.call(`/api/v1/packages/${PACK}`)).json()
  t.match(pack.problems, [{ path: `${PACK}.xml`, code: 'missing-member', text: new RegExp(`: ${ABSENT}$`) }])
  t.same((await depot.call(`/api/v1/packages/${UEFI}`)).json().problems, [])
})

t.test('a package is found by a fixid of any allowed length', async (t) => {
  const [long, longest] = ['lnvgy_fw_'.padEnd(200, 'x'), '字'.repeat(83).padEnd(89, 'y')]
  // Its files have the longest names that a file system takes, so the metadata has a name of its own.
  const depot = await openTestDepot(t, {
    ...packageFiles({ fixid: long }),
    'short.xml': packageFiles({ fixid: longest })[`${longest}.xml`] ?? ''
  })
  t.equal(Buffer.byteLength(longest), 255)
  for (const fixid of [long, longest]) {
    const response = await depot.call(`/api/v1/packages/${encodeURIComponent(fixid)}`)
    t.equal(response.statusCode, 200, fixid)
    t.equal(response.json().fixid, fixid)
  }
  const longer = await depot.call(`/api/v1/packages/${'x'.repeat(256)}`)
  equalProblem(t, longer, { status: 400, id: 'FQXHMUP9001L', text: /fixid is "x+"… and longer than 255 characters/ })
})

t.test('the problems of the repository are listed in pages', async (t) => {
  const depot = await openTestDepot(t, { 'c.bin': 'x', 'b.bin': 'x', 'a.xml': '<broken' })
  const { problems } = (await depot.call('/api/v1/problems')).json()
  t.ok(problems.length >= 3)
  t.match(problems[0], { path: 'a.xml', code: String, text: /\.$/ })
  const seen: object[] = []
  let cursor = ''
  for (let more = true; more; ) {
    const page = (await depot.call(`/api/v1/problems?limit=1${cursor}`)).json()
    seen.push(...page.problems)
    cursor = `&cursor=${page.next}`
    more = page.next !== null
  }
  t.same(seen, problems)
})

t.test('an invalid request is a problem that names the parameter', async (t) => {
  const depot = await openTestDepot(t, smallRepository())
  for (const [query, text] of [
    ['packages?limit=0', /limit has the value "0"; it must be a number from 1 to 1000/],
    ['packages?limit=1001', /limit/],
    ['packages?kind=driver', /kind has the value "driver"; accepted are update, system-pack/],
    ['packages?machineType=7X', /machineType/],
    ['packages?latest=yes', /latest/],
    ['packages?q=', /q is empty/],
    ['packages?cursor=abc', /^The parameter cursor is not the next of a previous page/],
    [`packages?cursor=${Buffer.from('["a","b"]').toString('base64url')}`, /cursor/],
    [`problems?cursor=${Buffer.from('[1,2,3]').toString('base64url')}`, /cursor/]
  ] as const) {
    equalProblem(t, await depot.call(`/api/v1/${query}`), { status: 400, id: 'FQXHMUP9001L', text }, query)
  }
  equalProblem(t, await depot.call('/api/v1/packages/nobody'), {
    status: 404,
    id: 'FQXHMUP9020L',
    text: /^There is no package "nobody"\.$/
  })
  equalProblem(t, await depot.call('/api/v1/nothing'), { status: 404, id: 'FQXHMUP9010L', text: /^There is no GET/ })
  const unknown = await depot.app.inject('/api/v1/packages')
  equalProblem(t, unknown, { status: 401, id: 'FQXHMSE9001L', text: /password/ })
  t.match(unknown.headers['www-authenticate'], /^Basic /)
})
