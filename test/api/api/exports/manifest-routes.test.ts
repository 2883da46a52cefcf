import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { openTestDepot } from '../../../support/api/app.ts'
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

t.test('the manifest lists every file of the archive, also before the archive is packed', async (t) => {
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

t.test('sha256sum accepts the digests of an unpacked archive, and detects a changed file', async (t) => {
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

t.test('2,400 entries are listed in their order, each once', async (t) => {
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

t.test('archive, manifest and SHA256SUMS of an archive that was deleted or never packed answer 410', async (t) => {
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
  for (const part of ['archive', 'manifest', 'SHA256SUMS']) await gone(other, /is no longer kept/)(part)
})
