import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { AUTHORIZATION, listen, openTestDepot } from '../../../support/api/app.ts'
import { equalProblem } from '../../../support/api/error-body.ts'
import { smallRepository, UEFI, XCC } from '../../../support/packages.ts'

const EXPORTS = '/api/v1/exports'

/** A depot with an export of one package that is not packed yet. */
async function openDepot(t: Test, options: Parameters<typeof openTestDepot>[2] = {}) {
  const depot = await openTestDepot(t, smallRepository(), options)
  const create = async (payload: object): Promise<number> =>
    (await depot.call(EXPORTS, { method: 'POST', payload })).json().id
  return { ...depot, create, id: await create({ fixids: [UEFI] }) }
}

t.test('an archive is downloaded whole and in part, HEAD has its length, and If-None-Match gets 304', async (t) => {
  const { call, run, id } = await openDepot(t)
  await run('export')
  const url = `${EXPORTS}/${id}/archive`
  const whole = await call(url)
  const { archiveName, archiveSize, digest } = (await call(`${EXPORTS}/${id}/manifest`)).json()
  const lxca = await call(`/updateRepositories/firmware?key=export&exportRepoFilename=${archiveName}`)
  t.ok(whole.rawPayload.equals(lxca.rawPayload), 'the same bytes as through the appliance’s API')
  t.equal(whole.rawPayload.length, archiveSize)
  t.match(whole.headers, {
    'content-type': 'application/zip',
    'content-disposition': `attachment; filename="${archiveName}"`,
    etag: `"${digest}"`
  })
  const part = await call(url, { headers: { range: 'bytes=5-9', 'if-range': `"${digest}"` } })
  t.equal(part.statusCode, 206)
  t.ok(part.rawPayload.equals(whole.rawPayload.subarray(5, 10)))
  t.match(await call(url, { method: 'HEAD' }), { statusCode: 200, headers: { 'content-length': String(archiveSize) } })
  t.equal((await call(url, { headers: { 'if-none-match': `"${digest}"` } })).statusCode, 304)
  equalProblem(t, await call(url, { headers: { range: `bytes=${archiveSize}-` } }), {
    status: 416,
    id: 'FQXHMUP9013L',
    text: new RegExp(`has ${archiveSize} bytes`)
  })
})

t.test('an archive can be downloaded before it is packed, with the same bytes and ETag as after', async (t) => {
  const { call, run, id } = await openDepot(t)
  const url = `${EXPORTS}/${id}/archive`
  const early = await call(url)
  t.equal(early.statusCode, 200)
  const { etag = '' } = early.headers as { etag?: string }
  const part = await call(url, { headers: { range: 'bytes=100-299', 'if-range': etag } })
  t.equal(part.statusCode, 206)
  await run('export')
  const packed = await call(url)
  t.ok(packed.rawPayload.equals(early.rawPayload))
  t.ok(packed.rawPayload.subarray(100, 300).equals(part.rawPayload))
  t.equal(packed.headers.etag, etag)
  t.match(early.headers, {
    'content-length': packed.headers['content-length'],
    'content-disposition': packed.headers['content-disposition'],
    'content-type': 'application/zip',
    'accept-ranges': 'bytes'
  })
  const rest = await call(url, { headers: { range: 'bytes=300-', 'if-range': etag } })
  t.ok(rest.rawPayload.equals(early.rawPayload.subarray(300)))
})

t.test('the download of an archive that is not packed is cut at a file that has changed', async (t) => {
  const { app, create, scan, write } = await openDepot(t)
  write({ [`${UEFI}.uxz`]: Buffer.alloc(300_000, 'u') })
  await scan()
  const id = await create({ fixids: [UEFI, XCC] })
  const root = await listen(app)
  const download = () => fetch(`${root}${EXPORTS}/${id}/archive`, { headers: { authorization: AUTHORIZATION } })
  t.ok((await (await download()).arrayBuffer()).byteLength > 0)
  write({ [`${XCC}.txt`]: 'another text' })
  const response = await download()
  t.equal(response.status, 200)
  await t.rejects(response.arrayBuffer())
})

t.test('the archive of a failed or canceled export is refused with 409', async (t) => {
  const { call, create, run, id, repositoryDirectory } = await openDepot(t)
  const refused = (which: number, state: string) => ({
    status: 409,
    id: 'FQXHMUP9028L',
    text: new RegExp(`^The export ${which} has no archive: it is ${state}\\.$`)
  })
  await call(`${EXPORTS}/${id}`, { method: 'DELETE' })
  equalProblem(t, await call(`${EXPORTS}/${id}/archive`), refused(id, 'canceled'))
  const failing = await create({ fixids: [XCC] })
  fs.rmSync(path.join(repositoryDirectory, `${XCC}.uxz`))
  await run('export')
  equalProblem(t, await call(`${EXPORTS}/${failing}/archive`), refused(failing, 'failed'))
})
