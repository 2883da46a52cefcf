import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { AUTHORIZATION, listen, openTestDepot } from '../../../support/api/app.ts'
import { equalProblem } from '../../../support/api/error-body.ts'
import { packageFiles, smallRepository, UEFI, XCC } from '../../../support/packages.ts'

const EXPORTS = '/api/v1/exports'

/** A depot with an export of one package that is not packed yet. */
async function openDepot(t: Test, options: Parameters<typeof openTestDepot>[2] = {}) {
  const depot = await openTestDepot(t, smallRepository(), options)
  const create = async (payload: object): Promise<number> =>
    (await depot.call(EXPORTS, { method: 'POST', payload })).json().id
  return { ...depot, create, id: await create({ fixids: [UEFI] }) }
}

t.test('an archive is downloaded whole, in part, by its head, and not again', async (t) => {
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

t.test('an archive is there before it is packed, byte for byte, and goes on when it is', async (t) => {
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

t.test('an archive that is not packed is cut where a file has changed', async (t) => {
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

t.test('an export that has failed or was canceled has no archive, and says so', async (t) => {
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

t.test('the manifest lists every file of the archive, also before it is packed', async (t) => {
  const { call, run, id, repositoryDirectory } = await openDepot(t)
  const manifest = (await call(`${EXPORTS}/${id}/manifest`)).json()
  t.match(manifest, { exportId: id, archiveName: /^repository\d+\.zip$/, digest: /^[0-9a-f]{64}$/, packages: 1 })
  const names = manifest.files.map((file: { path: string }) => file.path)
  t.same(names, [`${UEFI}.uxz`, `${UEFI}.xml`, `${UEFI}.txt`, `${UEFI}.chg`])
  const known = (await call(`/api/v1/packages/${UEFI}`)).json().files
  for (const { fixid, packedSize, ...file } of manifest.files) {
    const { role, ...expected } = known.find((other: { path: string }) => other.path === file.path)
    t.match(expected, file)
    t.equal(packedSize, file.size)
    t.equal(file.sha256, expected.sha256)
    t.equal(fixid, UEFI)
    t.equal(file.size, fs.statSync(path.join(repositoryDirectory, file.path)).size)
  }
  await run('export')
  t.same((await call(`${EXPORTS}/${id}/manifest`)).json(), manifest)
})

t.test('sha256sum accepts the digests of an unpacked archive, and sees what was changed', async (t) => {
  const { call, run, create, write, scan } = await openDepot(t)
  write(packageFiles({ fixid: 'ü package (1)', payload: 'umlaut' }))
  await scan()
  const id = await create({ all: true })
  await run('export')
  const directory = t.testdir({
    SHA256SUMS: (await call(`${EXPORTS}/${id}/SHA256SUMS`)).body,
    'a.zip': (await call(`${EXPORTS}/${id}/archive`)).rawPayload
  })
  execFileSync('unzip', ['-q', 'a.zip'], { cwd: directory })
  const check = () => execFileSync('sha256sum', ['-c', '--strict', 'SHA256SUMS'], { cwd: directory, encoding: 'utf8' })
  const lines = check().trim().split('\n')
  t.ok(lines.every((line) => line.endsWith(': OK')))
  const { files } = (await call(`${EXPORTS}/${id}/manifest`)).json()
  t.equal(lines.length, files.length)
  fs.writeFileSync(path.join(directory, `${XCC}.uxz`), 'another')
  t.throws(check, /1 computed checksum did NOT match/)
})

t.test('many entries come in their order, each once', async (t) => {
  const { call, create, write, scan } = await openDepot(t)
  const many = Array.from({ length: 600 }, (_, index) => packageFiles({ fixid: `many-${index}`, payload: `${index}` }))
  write(Object.assign({}, ...many))
  await scan()
  const id = await create({ filter: { q: 'many-' } })
  const { files, packages } = (await call(`${EXPORTS}/${id}/manifest`)).json()
  t.equal(packages, 600)
  t.equal(new Set(files.map((file: { path: string }) => file.path)).size, 2_400)
  t.equal(files.length, 2_400)
  const sums = (await call(`${EXPORTS}/${id}/SHA256SUMS`)).body.split('\n')
  t.same(
    sums.slice(0, -1),
    files.map((file: { path: string; sha256: string }) => `${file.sha256}  ${file.path}`)
  )
})

t.test('what was in an archive is not known any more when it is gone, or will never be', async (t) => {
  const { call, run, create, archiveView: archives, id } = await openDepot(t)
  const gone = (which: number, text: RegExp) => async (part: string) =>
    equalProblem(t, await call(`${EXPORTS}/${which}/${part}`), { status: 410, id: 'FQXHMUP9015L', text }, part)
  await call(`${EXPORTS}/${id}`, { method: 'DELETE' })
  for (const part of ['manifest', 'SHA256SUMS']) await gone(id, /does not exist: it is canceled/)(part)
  const other = await create({ fixids: [XCC] })
  await run('export')
  for (const name of await archives.finished()) await archives.remove(name)
  await gone(other, /has been removed from the disk/)('archive')
  await create({ fixids: [XCC] })
  for (const part of ['archive', 'manifest', 'SHA256SUMS']) await gone(other, /is not kept any more/)(part)
})
