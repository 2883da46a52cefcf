import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { AUTHORIZATION, listen, openTestDepot } from '../../../support/api/app.ts'
import { equalProblem } from '../../../support/api/error-body.ts'
import { readZip } from '../../../support/api/read-zip.ts'
import { NIC, OLD_UEFI, PACK, packageFiles, smallRepository, UEFI, XCC } from '../../../support/packages.ts'

const ARCHIVE = '/api/v1/archive'

async function openDepot(t: Test) {
  const depot = await openTestDepot(t, smallRepository())
  return {
    ...depot,
    get: (query: string, headers: Record<string, string> = {}) => depot.call(`${ARCHIVE}?${query}`, { headers }),
    planCount: async () => (await depot.db.selectFrom('plan').select('id').execute()).length
  }
}

t.test('a selection is downloaded at once: no task, nothing on the disk, and the bytes of an export', async (t) => {
  const { get, call, export: pack, archiveView: archives } = await openDepot(t)
  const direct = await get('all=true')
  t.equal(direct.statusCode, 200)
  t.same((await call('/api/v1/exports')).json().exports, [])
  t.same([...(await archives.finished()), ...(await archives.unfinished())], [])
  const { name } = await pack()
  const packed = await call(`/updateRepositories/firmware?key=export&exportRepoFilename=${name}`)
  t.ok(direct.rawPayload.equals(packed.rawPayload))
  t.equal(direct.headers.etag, packed.headers.etag)
  t.match(direct.headers, {
    'content-length': String(direct.rawPayload.length),
    'content-type': 'application/zip',
    'content-disposition': /^attachment; filename="repository-[0-9a-f]{12}\.zip"$/
  })
})

t.test('packages are selected by fixids, by a search, and with what they require', async (t) => {
  const { get } = await openDepot(t)
  const payloads = async (query: string) =>
    [...(await readZip((await get(`${query}&files=payloads`)).rawPayload)).keys()]
      .map((name) => path.parse(name).name)
      .sort()
  t.same(await payloads(`fixids=${OLD_UEFI},${XCC}`), [OLD_UEFI, XCC].sort())
  t.same(await payloads(`fixids=${PACK}`), [UEFI, XCC].sort())
  t.same(await payloads(`fixids=${UEFI}&withRequisites=true`), [UEFI, XCC].sort())
  t.same(await payloads('q=uefi&latest=true'), [UEFI])
  t.same(await payloads('machineType=7x01&downloaded=true'), [XCC])
})

t.test('a cut download can be resumed, also by another user', async (t) => {
  const { get, planCount } = await openDepot(t)
  const whole = await get('all=true')
  const { etag = '' } = whole.headers as { etag?: string }
  for (const [start, end] of [
    [0, 0],
    [40, 700],
    [whole.rawPayload.length - 30, whole.rawPayload.length - 1]
  ] as const) {
    const part = await get('all=true', { range: `bytes=${start}-${end}`, 'if-range': etag })
    t.equal(part.statusCode, 206)
    t.ok(part.rawPayload.equals(whole.rawPayload.subarray(start, end + 1)))
  }
  t.equal((await get('all=true', { 'if-none-match': etag })).statusCode, 304)
  t.equal(await planCount(), 1, 'the same content has one plan')
})

t.test('a changed selection is another archive, and is not sent as the rest of the old one', async (t) => {
  const { get, write, scan } = await openDepot(t)
  const before = await get('all=true')
  write(packageFiles({ fixid: 'new', payload: 'new' }))
  await scan()
  const after = await get('all=true', { range: 'bytes=100-', 'if-range': String(before.headers.etag) })
  t.equal(after.statusCode, 200)
  t.not(after.headers.etag, before.headers.etag)
  t.ok((await readZip(after.rawPayload)).has('new.uxz'))
})

t.test('a file that has changed since the last scan is refused, or cuts the connection', async (t) => {
  const { app, get, write, scan } = await openDepot(t)
  const root = await listen(app)
  write(packageFiles({ fixid: 'a', payload: Buffer.alloc(300_000, 'a') }))
  await scan()
  write({ [`${XCC}.uxz`]: 'another' })
  equalProblem(t, await get(`fixids=${XCC}`), { status: 409, id: 'FQXHMUP9031L', text: /xcc.*uxz has changed/ })
  // Here the first bytes are of another file.
  const url = `${root}${ARCHIVE}?fixids=a,${XCC}`
  const response = await fetch(url, { headers: { authorization: AUTHORIZATION } })
  t.equal(response.status, 200)
  await t.rejects(response.arrayBuffer())
})

t.test('content that was replaced with the same size and time is detected before its last byte', async (t) => {
  const { get, repositoryDirectory } = await openDepot(t)
  const file = path.join(repositoryDirectory, `${XCC}.uxz`)
  const { atime, mtime } = fs.statSync(file)
  fs.writeFileSync(file, 'an xcx')
  fs.utimesSync(file, atime, mtime)
  const refused = { status: 409, id: 'FQXHMUP9031L', text: /has changed: its content is different/ }
  equalProblem(t, await get(`fixids=${XCC}`), refused)
})

t.test('an ambiguous selection is refused, and nothing of it is kept', async (t) => {
  const { get, planCount } = await openDepot(t)
  const invalid = { status: 400, id: 'FQXHMUP9001L' }
  for (const [query, expected] of [
    ['', { ...invalid, text: /exactly one way.*the request has 0/ }],
    ['files=all', { ...invalid, text: /the request has 0/ }],
    [`all=true&fixids=${UEFI}`, { ...invalid, text: /the request has 2/ }],
    [`fixids=${UEFI}&q=x`, { ...invalid, text: /the request has 2/ }],
    ['fixids=', { ...invalid, text: /fixids/ }],
    ['fixids=,', { ...invalid, text: /comma-separated fixids/ }],
    ['all=false', { ...invalid, text: /accepted are true/ }],
    [`fixids=${UEFI},nothing`, { status: 400, id: 'FQXHMUP9004L', text: /: nothing\.$/ }],
    ['q=nothing', { status: 400, id: 'FQXHMUP9027L', text: /No package/ }]
  ] as const) {
    equalProblem(t, await get(query), expected, query)
  }
  t.equal(await planCount(), 0)
})

t.test('packages without files make an empty archive', async (t) => {
  const { get } = await openDepot(t)
  const { rawPayload, statusCode } = await get(`fixids=${NIC}&files=payloads`)
  t.equal(statusCode, 200)
  t.equal((await readZip(rawPayload)).size, 0)
})
