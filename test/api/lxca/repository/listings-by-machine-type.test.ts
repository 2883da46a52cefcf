import t from 'tap'
import type { PackageSummary } from '../../../../src/core/catalog/catalog.ts'
import { AUTHORIZATION, buildTestApp, listen, openTestDepot } from '../../../support/api/app.ts'
import { equalError } from '../../../support/api/error-body.ts'
import { ABSENT, NIC, OLD_UEFI, PACK, smallRepository, UEFI, XCC } from '../../../support/packages.ts'

const FIRMWARE = '/updateRepositories/firmware'

interface Listing {
  readonly mt: string
  readonly updates?: { fixid: string }[]
  readonly uxsps?: { fixid: string }[]
}

const shapeOf = (listings: Listing[]) =>
  listings.map(({ mt, updates, uxsps }) => [mt, (updates ?? uxsps ?? []).map(({ fixid }) => fixid)])

t.test('updates by machine type have the counters of the appliance', async (t) => {
  const { call } = await openTestDepot(t, smallRepository())
  const { updatesByMt } = (await call(`${FIRMWARE}?key=updatesByMt&mt=7X01`)).json()
  const { updates, totalsize, downloadedsize, ...rest } = updatesByMt
  t.strictSame(rest, { state: 'complete', progress: 100, current: '', total: 2, downloadednum: 1, jobid: -1 })
  const sizes = updates[0].updates.map(({ size }: { size: number }) => size)
  t.equal(totalsize, sizes[0] + sizes[1])
  t.equal(downloadedsize, totalsize)
  t.match(updates[0].updates[1], { fixid: XCC, comp: 'XCC', buildNumber: 'CDI340V' })
})

t.test('each requested machine type has its list, in the requested order and once', async (t) => {
  const { call } = await openTestDepot(t, smallRepository())
  const list = async (query: string) =>
    shapeOf((await call(`${FIRMWARE}?key=updatesByMt&${query}`)).json().updatesByMt.updates)
  t.same(await list('with=all&payload&mt=7X05,7X01'), [
    ['7X05', [OLD_UEFI, UEFI, XCC]],
    ['7X01', [NIC, XCC]]
  ])
  t.same(await list('mt=7x01,7X01&mt=7X01'), [['7X01', [NIC, XCC]]])
  t.same(await list('mt=0000'), [['0000', []]])
  t.same(await list('with=latest&mt=7X06'), [['7X06', [UEFI, XCC]]])
  t.same(await list(''), [
    ['7X01', [NIC, XCC]],
    ['7X05', [OLD_UEFI, UEFI, XCC]],
    ['7X06', [OLD_UEFI, UEFI, XCC]]
  ])
})

t.test('an empty repository has empty lists, and sizes of one', async (t) => {
  const { call } = await openTestDepot(t, {})
  const get = async (query: string) => (await call(`${FIRMWARE}${query}`)).json()
  t.match(await get('?key=updatesByMt'), {
    updatesByMt: { total: 0, downloadednum: 0, totalsize: 1, downloadedsize: 1, updates: [] }
  })
  t.same((await get('?key=updates')).updates, [])
  t.same((await get('?key=supportedMts')).supportedMts, [])
  t.same((await get('?key=updatesByMtByComp')).updatesByMtByComp, { parameter: 'MTS', value: [] })
  t.same((await get('/uxsps')).uxsps, [])
})

t.test('system packs are listed under both of their URLs', async (t) => {
  const { call } = await openTestDepot(t, smallRepository())
  for (const api of ['uxsps', 'uxsp']) {
    const get = async (query: string) => (await call(`${FIRMWARE}/${api}${query}`)).json()
    for (const query of ['', '?key=uxsps', '?KEY=UXSPS&with=all', '?key=uxsps&mt=7x05']) {
      const { uxsps } = await get(query)
      t.match(uxsps, [{ fixid: PACK, comp: 'UXSP', type: 'uxsp', downloaded: true, mt: ['7X05'] }], query)
      t.same(uxsps[0].members, [UEFI, XCC, ABSENT])
    }
    t.same((await get('?key=uxsps&mt=7X01')).uxsps, [])
    const { uxspsByMt } = await get('?key=uxspsByMt&with=all&payload&mt=7X05,7X01')
    t.match(uxspsByMt, { state: 'complete', progress: 100, total: 1, jobid: -1 })
    t.same(shapeOf(uxspsByMt.updates), [
      ['7X05', [PACK]],
      ['7X01', []]
    ])
    t.same(
      uxspsByMt.updates[0].uxsps[0].files.map(({ role }: { role: string }) => role),
      ['change-history', 'readme', 'metadata']
    )
  }
})

t.test('a listing of many pages is one valid JSON text', async (t) => {
  const summary = (number: number): PackageSummary => ({
    fixid: `package-${number}`,
    kind: 'update',
    name: 'Quotes " backslashes \\ lines \n controls \u0001\u2028 and 字 😀',
    version: '1',
    buildNumber: '',
    category: 'UEFI',
    description: '</script>',
    severity: '',
    releaseDate: '',
    updateType: 'firmware',
    rebootRequired: '',
    payloadState: 'present',
    size: 1,
    machineTypes: ['7X05'],
    members: [],
    requisites: [],
    files: []
  })
  const catalog = {
    async *packagePages() {
      for (let page = 0; page < 50; page += 1) {
        yield Array.from({ length: page % 3 }, (_, index) => summary(page * 3 + index)).concat(summary(1000 + page))
      }
    }
  } as never
  const { call } = await buildTestApp(t, { catalog })
  const { updates, status } = (await call(`${FIRMWARE}?key=updates`)).json()
  t.equal(updates.length, 99)
  t.equal(updates[7].name, summary(1).name)
  t.equal(status.result, 'informational')
})

t.test('a listing whose catalog fails at once is an internal error', async (t) => {
  const catalog = {
    machineTypes: async () => {
      throw new Error('the table is gone')
    }
  } as never
  const { call } = await buildTestApp(t, { catalog })
  const expected = { status: 500, id: 'FQXHMUP9500L', text: /internal error/ }
  equalError(t, await call(`${FIRMWARE}?key=updatesByMt`), expected)
})

t.test('a listing that fails while it is streamed is cut', async (t) => {
  const catalog = {
    async *packagePages() {
      yield []
      throw new Error('the disk went away')
    }
  } as never
  const { app } = await buildTestApp(t, { catalog })
  const url = `${await listen(app)}${FIRMWARE}?key=updates`
  const outcome = await fetch(url, { headers: { authorization: AUTHORIZATION } })
    .then(async (response) => (response.ok ? `complete with ${await response.text()}` : `refused: ${response.status}`))
    .catch(() => 'broken')
  t.match(outcome, /^(broken|refused: 500)$/)
})
