import t, { type Test } from 'tap'
import { openTestDepot, USER } from '../../../support/api/app.ts'
import { equalProblem } from '../../../support/api/error-body.ts'
import { readZip } from '../../../support/api/read-zip.ts'
import { ABSENT, NIC, OLD_UEFI, PACK, packageFiles, smallRepository, UEFI, XCC } from '../../../support/packages.ts'

const FIRMWARE = '/updateRepositories/firmware'
const EXPORTS = '/api/v1/exports'

async function openDepot(t: Test, options: Parameters<typeof openTestDepot>[2] = {}) {
  const depot = await openTestDepot(t, smallRepository(), options)
  return {
    ...depot,
    post: (payload: unknown) =>
      depot.call(EXPORTS, {
        method: 'POST',
        payload: JSON.stringify(payload),
        headers: { 'content-type': 'application/json' }
      }),
    /** Starts an export, packs it, and gives back the payloads in its archive, by the fixids of their packages. */
    async payloads(selection: object): Promise<string[]> {
      const { id } = (await this.post({ ...selection, files: 'payloads' })).json()
      await depot.run('export')
      const files = await readZip((await depot.call(`${EXPORTS}/${id}/archive`)).rawPayload)
      return [...files.keys()].map((name) => name.replace(/\.uxz$/, '')).sort()
    }
  }
}

t.test('an export is created from fixids, and can be followed to its archive', async (t) => {
  const { post, call, run } = await openDepot(t)
  const created = await post({ fixids: [PACK] })
  t.equal(created.statusCode, 201)
  const item = created.json()
  t.equal(created.headers.location, `${EXPORTS}/${item.id}`)
  t.match(item, {
    state: 'queued',
    packagesDone: 0,
    packagesTotal: 3,
    bytesDone: 0,
    percent: 0,
    bytesPerSecond: null,
    secondsLeft: null,
    archiveName: /^repository\d{14}\.zip$/,
    createdBy: USER,
    startedAt: null,
    finishedAt: null,
    messages: [{ messageId: 'FQXHMUP9103F', text: new RegExp(`1 in all: "?${ABSENT}`) }]
  })
  t.same((await call(created.headers.location as string)).json(), item)
  await run('export')
  t.match((await call(created.headers.location as string)).json(), {
    state: 'completed',
    packagesDone: 3,
    bytesDone: item.bytesTotal,
    percent: 100,
    finishedAt: /^\d{4}-\d\d-\d\dT/
  })
  t.equal((await call(`${EXPORTS}/${item.id}/archive`)).rawPayload.length, item.bytesTotal)
})

t.test('a filter, or all, selects packages; members of system packs are included', async (t) => {
  const { payloads } = await openDepot(t).then((depot) => ({ payloads: depot.payloads.bind(depot) }))
  t.same(await payloads({ all: true }), [UEFI, OLD_UEFI, XCC].sort())
  t.same(await payloads({ filter: {} }), [UEFI, OLD_UEFI, XCC].sort())
  t.same(await payloads({ filter: { latest: true, q: 'uefi' } }), [UEFI])
  t.same(await payloads({ filter: { machineTypes: ['7x01', '9999'] } }), [XCC])
  t.same(await payloads({ filter: { kind: 'system-pack' } }), [UEFI, XCC].sort())
  t.same(await payloads({ filter: { downloaded: true, q: 'UXSP' } }), [UEFI, XCC].sort())
  t.same(await payloads({ fixids: [OLD_UEFI] }), [OLD_UEFI])
})

t.test(
  'with requisites, an export has what its packages require, at any depth, and says what is missing of it',
  async (t) => {
    const depot = await openDepot(t)
    depot.write({
      ...packageFiles({ fixid: 'top', payload: 'top', preReq: ['middle', 'nowhere'] }),
      ...packageFiles({ fixid: 'middle', payload: 'middle', preReq: [UEFI] })
    })
    await depot.scan()
    const [top] = [{ fixids: ['top'] }]
    t.same(await depot.payloads(top), ['top'])
    t.same(await depot.payloads({ ...top, withRequisites: true }), [UEFI, XCC, 'middle', 'top'].sort())
    t.same(await depot.payloads({ filter: { q: 'top' }, withRequisites: true }), [UEFI, XCC, 'middle', 'top'].sort())
    t.match((await depot.post({ ...top, withRequisites: true })).json().messages.slice(-1), [
      { messageId: 'FQXHMUP9106F', text: /not in the repository, 1 in all: "?nowhere/ }
    ])
    t.same((await depot.post(top)).json().messages, [])
  }
)

t.test('a dry run shows what the export would contain, and starts nothing', async (t) => {
  const { post, call } = await openDepot(t, { freeBytes: () => 5_000_000_000 })
  const request = { fixids: [PACK, NIC], withRequisites: true }
  const before = await post({ ...request, dryRun: true })
  t.equal(before.statusCode, 200)
  t.same((await call(EXPORTS)).json(), { exports: [], next: null })
  const preflight = before.json()
  t.match(preflight, {
    packages: 4,
    missingPayloads: { count: 1, fixids: [NIC] },
    missingMembers: { count: 1, fixids: [ABSENT] },
    missingRequisites: { count: 0, fixids: [] },
    freeBytes: 5_000_000_000,
    isShared: false,
    fits: true
  })
  const item = (await post(request)).json()
  t.equal(preflight.bytes, item.bytesTotal)
  const manifest = (await call(`${EXPORTS}/${item.id}/manifest`)).json()
  t.equal(preflight.entries, manifest.files.length)
  const after = (await post({ ...request, dryRun: true })).json()
  t.same(after, { ...preflight, isShared: true, reservedBytes: preflight.reservedBytes + item.bytesTotal })
})

t.test('an export without enough space is reported by a dry run, and refused without one', async (t) => {
  const { post } = await openDepot(t, { freeBytes: () => 1_000 })
  t.match((await post({ all: true, dryRun: true })).json(), { fits: false, freeBytes: 1_000 })
  equalProblem(t, await post({ all: true }), { status: 409, id: 'FQXHMUP9005L', text: /needs \d+ bytes; 1000 bytes/ })
})

t.test('an ambiguous selection is refused with a sentence, with and without a dry run', async (t) => {
  const { post, call } = await openDepot(t)
  const body = (text: RegExp) => ({ status: 400, id: 'FQXHMUP9002L', text })
  for (const [payload, expected] of [
    [{}, body(/exactly one of the attributes fixids, filter and all, and has 0 of them/)],
    [{ fixids: [UEFI], all: true }, body(/and has 2 of them/)],
    [{ fixids: [] }, body(/fixids/)],
    [{ fixids: [''] }, body(/fixids\[0\] is empty/)],
    [{ fixids: UEFI }, body(/fixids must be an array, and is "lnvgy/)],
    [{ all: false }, body(/all has the value false; accepted are true/)],
    [{ filter: { machineTypes: ['7X055'] } }, body(/machineTypes\]\[0\]|machineTypes.*"7X055"/)],
    [{ filter: { latest: 'true' } }, body(/must be a boolean/)],
    [{ filter: { machineType: '7X05' } }, body(/filter\.machineType is unknown/)],
    [{ all: true, filetypes: 'all' }, body(/filetypes is unknown/)],
    [{ all: true, files: 'some' }, body(/files has the value "some"; accepted are "?all"?, "?payloads/)],
    [[], body(/must be an object/)],
    [{ fixids: ['x', UEFI, 'y'] }, { status: 400, id: 'FQXHMUP9004L', text: /these fixids: "?x"?, "?y"?\.$/ }],
    [{ filter: { q: 'nothing has this' } }, { status: 400, id: 'FQXHMUP9027L', text: /No package .* fits/ }]
  ] as const) {
    equalProblem(t, await post(payload), expected, JSON.stringify(payload))
    if (!Array.isArray(payload)) {
      equalProblem(t, await post({ ...payload, dryRun: true }), expected, `${JSON.stringify(payload)} as a dry run`)
    }
  }
  equalProblem(t, await call(EXPORTS, { method: 'POST' }), body(/body/i))
  t.same((await call(EXPORTS)).json().exports, [])
})

t.test('exports are listed newest first, in pages, of one state or of all', async (t) => {
  const { post, call, run } = await openDepot(t)
  const ids: number[] = []
  for (const fixids of [[UEFI], [XCC], [OLD_UEFI]]) ids.push((await post({ fixids })).json().id)
  await call(`${FIRMWARE}?action=read`, { method: 'PUT' })
  await call(`${EXPORTS}/${ids[1]}`, { method: 'DELETE' })
  const list = async (query: string) => {
    const { exports, next } = (await call(`${EXPORTS}?${query}`)).json()
    return { ids: exports.map((item: { id: number }) => item.id), next }
  }
  t.same(await list(''), { ids: [...ids].reverse(), next: null })
  t.same((await list('state=queued')).ids, [ids[2], ids[0]])
  t.same((await list('state=canceled')).ids, [ids[1]])
  await run('export')
  t.same((await list('state=completed')).ids, [ids[2], ids[0]])
  const first = await list('limit=2')
  t.same(first.ids, [ids[2], ids[1]])
  t.same(await list(`limit=2&cursor=${first.next}`), { ids: [ids[0]], next: null })
  for (const query of ['limit=0', 'limit=1001', 'cursor=x', 'state=done', 'cursor=WyJ4Il0']) {
    const expected = { status: 400, id: 'FQXHMUP9001L', text: /limit|cursor|state/ }
    equalProblem(t, await call(`${EXPORTS}?${query}`), expected, query)
  }
})

t.test('an export is canceled once; one that has ended is not', async (t) => {
  const { post, call, run } = await openDepot(t)
  const { id } = (await post({ fixids: [UEFI] })).json()
  const cancel = (which: number | string) => call(`${EXPORTS}/${which}`, { method: 'DELETE' })
  t.match(await cancel(id), { statusCode: 204, body: '' })
  t.match((await call(`${FIRMWARE}/status?taskid=${id}`)).json(), { state: 'canceled' })
  const ended = { status: 409, id: 'FQXHMUP9014L', text: /^The export \d+ has ended already\.$/ }
  equalProblem(t, await cancel(id), ended)
  const complete = (await post({ fixids: [UEFI] })).json()
  await run('export')
  equalProblem(t, await cancel(complete.id), ended)
})

t.test('the routes of an export refuse the ids of other tasks', async (t) => {
  const { call } = await openDepot(t)
  const { taskid } = (await call(`${FIRMWARE}?action=read`, { method: 'PUT' })).json()
  for (const id of [taskid, 77, '9'.repeat(16)]) {
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/archive'],
      ['GET', '/manifest'],
      ['GET', '/SHA256SUMS']
    ] as const) {
      equalProblem(t, await call(`${EXPORTS}/${id}${path}`, { method }), {
        status: 404,
        id: 'FQXHMUP9017L',
        text: new RegExp(`^There is no export ${id}\\.$`)
      })
    }
  }
  t.match((await call(`${FIRMWARE}/status?taskid=${taskid}`)).json(), { state: 'created' })
})
