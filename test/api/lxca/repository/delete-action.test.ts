import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { openTestDepot, type TestDepot } from '../../../support/api/app.ts'
import { equalError } from '../../../support/api/error-body.ts'
import { packageFiles, type TinyPackage } from '../../../support/packages.ts'

const FIRMWARE = '/updateRepositories/firmware'

const files = (...packages: TinyPackage[]) => Object.assign({}, ...packages.map(packageFiles))
const payload = 'content'

function act(depot: TestDepot, query: string, body: object = {}) {
  return depot.call(`${FIRMWARE}?${query}`, { method: 'PUT', payload: body })
}

async function listed(depot: TestDepot): Promise<Record<string, unknown>[]> {
  const updates = (await depot.call(`${FIRMWARE}?key=updates`)).json().updates
  const packs = (await depot.call(`${FIRMWARE}/uxsps?key=uxsps`)).json().uxsps
  return [...updates, ...packs]
}

const fixids = async (depot: TestDepot) => (await listed(depot)).map(({ fixid }) => fixid).sort()
const onDisk = (depot: TestDepot) => fs.readdirSync(depot.repositoryDirectory).sort()

t.test('delete with filetypes=all removes packages from the repository and the catalog at once', async (t) => {
  const depot = await openTestDepot(t, files({ fixid: 'a', payload }, { fixid: 'b', payload }))
  const response = await act(depot, 'action=delete&filetypes=all', { fixids: ['a'] })
  t.equal(response.statusCode, 200)
  const { taskid, ...rest } = response.json()
  t.match(rest, { result: 'success', jobid: taskid, packages: ['a'], files: 4, messages: [{ id: 'FQXHMUP2500I' }] })
  t.match(response.headers, { location: `/jobs/${taskid}`, jobids: String(taskid) })
  t.same(await fixids(depot), ['b'])
  t.same(onDisk(depot), ['b.chg', 'b.txt', 'b.uxz', 'b.xml'])
  const before = await listed(depot)
  await depot.run('scan')
  t.match((await depot.call(`${FIRMWARE}/status?taskid=${taskid}`)).json(), { state: 'complete' })
  t.same(await listed(depot), before, 'a scan finds what the catalog said already')
  equalError(t, await act(depot, 'action=export', { fixids: ['a'] }), {
    status: 400,
    id: 'FQXHMUP9004L',
    text: /: a\.$/
  })
})

t.test('delete with filetypes=payloads keeps the package as not downloaded', async (t) => {
  const depot = await openTestDepot(t, files({ fixid: 'a', payload }))
  t.match((await act(depot, 'action=delete&filetype=payload', { fixids: ['a'] })).json(), {
    packages: ['a'],
    files: 1,
    size: 7
  })
  t.same(onDisk(depot), ['a.chg', 'a.txt', 'a.xml'])
  t.match(await listed(depot), [{ fixid: 'a', downloaded: false }])
  const before = await listed(depot)
  await depot.run('scan')
  t.same(await listed(depot), before)
})

t.test('a system pack is deleted with its members, except those of another pack', async (t) => {
  const packs = files(
    { fixid: 'own', payload },
    { fixid: 'shared', payload },
    { fixid: 'pack1', members: ['own', 'shared'] },
    { fixid: 'pack2', members: ['shared'] }
  )
  const depot = await openTestDepot(t, packs)
  const response = await depot.call(`${FIRMWARE}/uxsps?action=delete&filetypes=all`, {
    method: 'PUT',
    payload: { fixids: ['pack1'] }
  })
  t.same(response.json().packages, ['own', 'pack1'])
  t.same(await fixids(depot), ['pack2', 'shared'])
  t.same(
    (await act(depot, 'action=delete&filetypes=all', { fixids: ['shared'] })).json().packages,
    ['shared'],
    'unless it is named'
  )
})

t.test('a file of another package is kept', async (t) => {
  const depot = await openTestDepot(t, files({ fixid: 'a', payload }, { fixid: 'b', payload }))
  const { db } = depot
  const { id } = await db.selectFrom('file').select('id').where('path', '=', 'a.uxz').executeTakeFirstOrThrow()
  const b = await db.selectFrom('package').select('id').where('fixid', '=', 'b').executeTakeFirstOrThrow()
  await db.insertInto('package_file').values({ package_id: b.id, file_id: id, role: 'other' }).execute()
  t.equal((await act(depot, 'action=delete&filetypes=all', { fixids: ['a'] })).json().files, 3)
  t.ok(onDisk(depot).includes('a.uxz'))
})

t.test('an empty list never means everything, and unknown fixids change nothing', async (t) => {
  const depot = await openTestDepot(t, files({ fixid: 'a', payload }))
  const cases: [query: string, body: object, id: string, text: RegExp][] = [
    ['action=delete&filetypes=all', {}, 'FQXHMUP9002L', /^The attribute fixids is missing or empty/],
    ['action=delete&filetypes=all', { fixids: [] }, 'FQXHMUP9002L', /^The attribute fixids is missing or empty/],
    ['action=delete', { fixids: ['a'] }, 'FQXHMUP9001L', /^The parameter filetypes is missing/],
    ['action=delete&filetypes=some', { fixids: ['a'] }, 'FQXHMUP9001L', /some/],
    ['action=delete&filetypes=all', { fixids: ['a', 'x', 'y'] }, 'FQXHMUP9004L', /: x, y\.$/]
  ]
  for (const [query, body, id, text] of cases) equalError(t, await act(depot, query, body), { status: 400, id, text })
  t.equal(onDisk(depot).length, 4)
  t.equal((await depot.tasks.liveTotals(undefined)).count, 0)
})

t.test('a package that a live export needs is refused, and can be deleted afterwards', async (t) => {
  const depot = await openTestDepot(t, files({ fixid: 'a', payload }, { fixid: 'b', payload }))
  const { taskid } = (await act(depot, 'action=export', { fixids: ['a'] })).json()
  const refused = { status: 409, id: 'FQXHMUP9006L', text: new RegExp(`^The package a .* task ${taskid} `) }
  for (const scope of ['all', 'payloads']) {
    equalError(t, await act(depot, `action=delete&filetypes=${scope}`, { fixids: ['b', 'a'] }), refused)
  }
  t.equal(onDisk(depot).length, 8)
  await depot.run('export')
  t.match((await depot.call(`${FIRMWARE}/status?taskid=${taskid}`)).json(), { state: 'complete' })
  t.equal((await act(depot, 'action=delete&filetypes=all', { fixids: ['b', 'a'] })).statusCode, 200)
  t.same(onDisk(depot), [])
})

t.test('a dry run shows what would be deleted, and changes nothing', async (t) => {
  const depot = await openTestDepot(t, files({ fixid: 'a', payload }))
  for (const flag of ['dryRun=true', 'DRYRUN=True', 'dryrun']) {
    const response = await act(depot, `action=delete&filetypes=all&${flag}`, { fixids: ['a'] })
    t.match(response.json(), { result: 'success', taskid: 0, packages: ['a'], files: 4 })
    t.equal(response.headers.location, undefined)
  }
  t.equal(onDisk(depot).length, 4)
  t.same(await fixids(depot), ['a'])
  t.equal((await depot.tasks.liveTotals(undefined)).count, 0)
})

t.test('cleanup deletes packages that a newer one replaces, unless another package needs them', async (t) => {
  const old = (fixid: string, more: object = {}) => ({ fixid, payload, ...more })
  const packages = files(
    old('uefi-1', { build: 'IVE101A', version: '1.00' }),
    old('uefi-2', { build: 'IVE102A', version: '2.00', supersedes: ['uefi-1', 'member-1'] }),
    old('member-1', { category: 'XCC', build: 'CDI101A' }),
    old('required-1', { category: 'NIC', build: 'NIC101A' }),
    old('other', {
      category: 'NIC',
      build: 'NIC102A',
      version: '2.00',
      supersedes: ['required-1'],
      preReq: ['required-1']
    }),
    { fixid: 'pack', members: ['member-1'] }
  )
  const depot = await openTestDepot(t, packages)
  const dry = (await act(depot, 'action=cleanup&dryRun=true', { cleanUpIf: 'anything' })).json()
  t.same(dry.packages, ['uefi-1'])
  const { taskid } = (await act(depot, 'action=export', { fixids: ['uefi-1'] })).json()
  t.same((await act(depot, 'action=cleanup')).json().packages, [], 'an export needs it')
  await depot.call(`/tasks/${taskid}`, { method: 'DELETE' })
  t.same((await act(depot, 'action=cleanup', { cleanUpIf: ['x'] })).json().packages, ['uefi-1'])
  t.same(await fixids(depot), ['member-1', 'other', 'pack', 'required-1', 'uefi-2'])
})

t.test('when a file cannot be removed, all files are kept', async (t) => {
  const refuse = () => {
    throw Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' })
  }
  const depot = await openTestDepot(t, files({ fixid: 'a', payload }), { stageDeletion: refuse })
  equalError(t, await act(depot, 'action=delete&filetypes=all', { fixids: ['a'] }), {
    status: 409,
    id: 'FQXHMUP9018L',
    text: /^The files of the packages cannot be deleted: EROFS\.$/
  })
  t.same(await fixids(depot), ['a'])
})

t.test('actions that need an upstream are a 409 with a sentence', async (t) => {
  const depot = await openTestDepot(t, files({ fixid: 'a' }))
  for (const location of [FIRMWARE, `${FIRMWARE}/uxsps`]) {
    for (const [query, body] of [
      ['action=refresh&with=all', { mt: ['7X05'], os: '', type: 'catalog' }],
      ['action=REFRESHTHENACQUIRE&with=latest', { mt: ['7X05'], os: '' }],
      ['action=acquire&with=payloads', { mt: ['7X05'], fixids: ['a'], type: 'latest' }],
      ['action=acquire&with=payload', {}]
    ] as const) {
      const response = await depot.call(`${location}?${query}`, { method: 'PUT', payload: body })
      equalError(t, response, { status: 409, id: 'FQXHMUP9019L', text: /no upstream is configured/ })
    }
  }
})

t.test('files in subdirectories are deleted with their empty directories', async (t) => {
  const depot = await openTestDepot(t, {})
  const deep = Object.fromEntries(
    Object.entries(packageFiles({ fixid: 'a', payload })).map(([name, text]) => [`x/y/${name}`, text])
  )
  depot.write({ ...deep, 'x/note.md': 'stays' })
  await depot.scan()
  await act(depot, 'action=delete&filetypes=all', { fixids: ['a'] })
  t.same(onDisk(depot), ['x'])
  t.same(fs.readdirSync(path.join(depot.repositoryDirectory, 'x')), ['note.md'])
})
