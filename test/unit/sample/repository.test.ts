import { lstat, readFile, readlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { deflateRawSync, gunzipSync } from 'node:zlib'
import { SaxesParser } from 'saxes'
import t from 'tap'
import { fromBufferPromise } from 'yauzl'
import { generateRepository } from '../../../sample/generate.ts'
import { type DefectKind, type Manifest, manifestPath } from '../../../sample/manifest.ts'
import { trickyNames } from '../../../sample/plan/tricky-names.ts'
import { readTree } from '../../support/sample/read-tree.ts'

const DEFECTS: readonly DefectKind[] = [
  'doctype-bomb',
  'duplicate-fixid',
  'empty-payload',
  'long-name',
  'missing-member',
  'orphan-payload',
  'partial-download',
  'payload-absolute',
  'payload-backslash',
  'payload-traversal',
  'symlink-outside',
  'truncated-xml',
  'wrong-size'
]

const directory = join(t.testdir(), 'repository')
const manifest = await generateRepository({ directory, targetBytes: 6_000_000 })
const read = (path: string) => readFile(join(directory, path))
const own = manifest.packages.filter(({ kind, bundle }) => kind === 'update' && bundle === undefined)
const defectPath = (kind: DefectKind) => manifest.defects.find((defect) => defect.kind === kind)?.path ?? ''

t.test('the manifest lists exactly the files of the tree', async (t) => {
  const records = [...manifest.packages, ...manifest.defects].flatMap(({ files }) => files)
  const listed = new Map(records.map(({ path, size, sha256 }) => [path, { path, size, sha256 }]))
  const found = await readTree(directory)
  t.equal(found.length, manifest.files)
  t.same(Object.fromEntries(listed), Object.fromEntries(found.map((file) => [file.path, file])))
})

t.test('the manifest next to the tree equals the one that the generator returned', async (t) => {
  const written: Manifest = JSON.parse(await readFile(manifestPath(directory), 'utf8'))
  t.same(written, manifest)
})

t.test('files of a package have its release date as their modification time', async (t) => {
  for (const { releaseDate, files } of manifest.packages) {
    for (const { path } of files) {
      const { mtime } = await lstat(join(directory, path))
      if (!mtime.toISOString().startsWith(releaseDate) || mtime.getUTCMilliseconds() !== 0) t.fail(`${path} ${mtime}`)
    }
  }
})

t.test('all forms, containers and spellings occur', async (t) => {
  t.same(new Set(manifest.packages.map(({ form }) => form)), new Set(['classic', 'v3', 'v3-bundle']))
  const extensions = new Set(manifest.packages.flatMap(({ files }) => files.map(({ path }) => path.split('.').at(-1))))
  for (const extension of 'uxz bin exe tgz zip rom hpm ima lvt xml txt chg html json XML'.split(' ')) {
    t.ok(extensions.has(extension), extension)
  }
  const files = await Promise.all(own.flatMap((item) => item.files.filter(isXml).map(({ path }) => read(path))))
  t.ok(files.some((bytes) => bytes.includes('\r\n')))
  t.ok(files.some((bytes) => bytes.subarray(0, 3).toString('hex') === 'efbbbf'))
  t.ok(files.some((bytes) => bytes.subarray(0, 2).toString('hex') === 'fffe'))
})

t.test('names that break naive parsing are among the packages', async (t) => {
  const fixids = new Set(own.map(({ fixid }) => fixid))
  for (const { fixid } of trickyNames) t.ok(fixids.has(fixid), fixid)
})

t.test('some packages are not downloaded, are in a folder, replace others or require others', async (t) => {
  t.ok(own.some(({ downloaded, files }) => !downloaded && files.every(({ role }) => role !== 'payload')))
  t.ok(own.some(({ files }) => /^7\w{3}\//.test(files[0]?.path ?? '')))
  t.ok(own.some(({ supersedes }) => supersedes.length > 0))
  t.ok(own.some(({ machineTypes }) => machineTypes.length === 40))
  const fixids = new Set(own.map(({ fixid }) => fixid))
  const wanted = own.flatMap(({ requisites, supersedes }) => [...requisites, ...supersedes])
  t.ok(wanted.length > 0)
  t.ok(wanted.every((fixid) => fixids.has(fixid)))
})

t.test("XML without a defect is well-formed and contains the payload's size and digest", async (t) => {
  for (const { fixid, files, downloaded, defect } of manifest.packages) {
    const metadata = files.find(isXml)
    if (metadata === undefined) continue
    const xml = decode(await read(metadata.path))
    const parser = new SaxesParser({ fileName: metadata.path })
    parser.on('error', (error) => t.fail(error.message))
    parser.write(xml).close()
    const payload = files.find(({ role }) => role === 'payload')
    if (payload === undefined) {
      t.match(xml, downloaded ? 'NAME="includedFixIds"' : 'NAME="payloadSha256"', fixid)
    } else {
      t.match(xml, `<VALUE>${basename(payload.path)}</VALUE>`)
      t.match(xml, `<VALUE>${payload.sha256}</VALUE>`)
      t.equal(xml.includes(`<VALUE>${payload.size}</VALUE>`), defect !== 'wrong-size', fixid)
    }
  }
})

t.test('payloads do not become smaller when they are compressed', async (t) => {
  const payloads = manifest.packages.flatMap(({ files }) => files.filter(({ role }) => role === 'payload'))
  // In smaller ones the header and end of a tar are more than three per cent; a V3 package file also contains texts.
  const solid = payloads.filter(({ path, size }) => size > 60_000 && !path.endsWith('_comp.zip'))
  t.ok(solid.length > 5)
  for (const { path } of solid) {
    const bytes = await read(path)
    t.ok(deflateRawSync(bytes).length / bytes.length > 0.97, path)
  }
})

t.test('payloads can be opened as their extension specifies', async (t) => {
  for (const { files } of own) {
    const path = files.find(({ role }) => role === 'payload')?.path ?? ''
    if (/\.(uxz|tgz)$/.test(path)) t.match(gunzipSync(await read(path)).toString('latin1', 257, 262), 'ustar')
    if (/\.(zip|bin|exe)$/.test(path)) t.ok((await unzip(await read(path))).size > 0)
  }
})

t.test('a V3 package file contains its metadata, texts, and a payload that matches its signature', async (t) => {
  const item = own.find(({ form }) => form === 'v3')
  const entries = await unzip(await read(item?.files[0]?.path ?? ''))
  const { fixid = '' } = item ?? {}
  for (const suffix of ['.txt', '.html', '.chg', '_index.json', '_inventory.json', '_signature.json']) {
    t.ok(entries.has(fixid + suffix), suffix)
  }
  const [update] = JSON.parse(String(entries.get('index.json'))).Updates
  t.equal(update.Oem.FixId.Name, fixid)
  const payload = entries.get(update.Payload)
  const signatures = JSON.parse(String(entries.get(`${fixid}_signature.json`))).AuthenticitySignature
  t.match(signatures.find((item: { FileName: string }) => item.FileName === update.Payload).Oem, {
    SizeBytes: payload?.length
  })
})

t.test('the bundle lists its components, of which some share a payload', async (t) => {
  const bundle = manifest.packages.find(({ form }) => form === 'v3-bundle')
  const components = manifest.packages.filter((item) => item.bundle === bundle?.fixid)
  t.same(
    bundle?.members,
    components.map(({ fixid }) => fixid)
  )
  const payloads = components.flatMap(({ files }) => files.filter(({ role }) => role === 'payload'))
  t.ok(new Set(payloads.map(({ path }) => path)).size < components.length)
  const index = JSON.parse(String(await read(`${bundle?.fixid}/${bundle?.fixid}_index.json`)))
  t.equal(index.Updates.length, components.length)
  t.ok(index.Oem.BundleData.ParentFixIds.length > 1)
})

t.test('system packs list the core packages of their machine', async (t) => {
  const categories = new Map(own.map(({ fixid, category }) => [fixid, category]))
  const packs = manifest.packages.filter(({ category }) => category === 'UXSP')
  t.equal(packs.length, 4)
  for (const { members } of packs) {
    const found = new Set(members.map((member) => categories.get(member)))
    t.ok(['XCC', 'UEFI', 'LXPM', 'DRVWN', 'DRVLN'].every((category) => found.has(category)))
  }
})

t.test('all defects exist, and match their names', async (t) => {
  t.same([...new Set(manifest.defects.map(({ kind }) => kind))].sort(), DEFECTS)
  t.match(String(await read(defectPath('payload-traversal'))), '<VALUE>../lnvgy_')
  t.match(String(await read(defectPath('payload-absolute'))), '<VALUE>/etc/hosts<')
  t.match(String(await read(defectPath('payload-backslash'))), '<VALUE>..\\lnvgy_')
  t.notMatch(String(await read(defectPath('truncated-xml'))), '</INSTANCE>')
  t.match(String(await read(defectPath('doctype-bomb'))), /<!DOCTYPE[\s\S]*&lol8;/)
  t.equal((await read(defectPath('empty-payload'))).length, 0)
  t.equal(Buffer.byteLength(defectPath('long-name')), 255)
  t.equal(await readlink(join(directory, defectPath('symlink-outside'))), '/etc/hosts')
  t.match(defectPath('partial-download'), / \(1\)\.uxz\.crdownload$/)
  const duplicate = manifest.defects.find(({ kind }) => kind === 'duplicate-fixid')
  t.ok(own.some(({ fixid }) => fixid === duplicate?.fixid))
  const orphan = manifest.defects.find(({ kind }) => kind === 'orphan-payload')
  t.same(
    orphan?.files.map(({ path }) => path),
    [orphan?.path]
  )
})

function isXml({ path }: { path: string }): boolean {
  return path.toLowerCase().endsWith('.xml')
}

function decode(bytes: Buffer): string {
  return new TextDecoder(bytes[0] === 0xff ? 'utf-16le' : 'utf-8').decode(bytes)
}

async function unzip(bytes: Buffer): Promise<Map<string, Buffer>> {
  const zip = await fromBufferPromise(bytes)
  const entries = new Map<string, Buffer>()
  for await (const entry of zip.eachEntry()) {
    entries.set(entry.fileName, await buffer(await zip.openReadStreamPromise(entry)))
  }
  return entries
}
