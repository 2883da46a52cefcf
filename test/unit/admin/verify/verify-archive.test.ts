import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import t, { type Test } from 'tap'
import { checkManifest, type Manifest, readManifest } from '../../../../src/admin/verify/manifest.ts'
import { type Verification, verifyArchive } from '../../../../src/admin/verify/verify-archive.ts'
import { digestLine } from '../../../../src/core/export/plan.ts'
import {
  centralHeaderSize,
  type EntryFacts,
  encodeCentralHeader,
  encodeEnd,
  encodeLocalHeader
} from '../../../../src/zip/layout.ts'
import { allClosedBelow } from '../../../support/open-files.ts'
import { rawZip } from '../../../support/raw-zip.ts'

interface TestFile {
  readonly name: string
  readonly content: string
  /** Seconds since 1970. */
  readonly modifiedAt?: number
}

const FILES: readonly TestFile[] = [
  { name: 'a.txt', content: 'the readme' },
  { name: 'packages/b.uxz', content: 'firmware '.repeat(20) },
  { name: 'c.bin', content: '' },
  { name: 'old.bin', content: 'older than the field for times can say', modifiedAt: -86_400 }
]

/** An archive as an export makes it, with its manifest. */
function makeExport(files: readonly TestFile[]): { bytes: Buffer; manifest: Manifest } {
  const digest = createHash('sha256')
  const [locals, centrals]: [Buffer[], Buffer[]] = [[], []]
  let [offset, size] = [0, 0]
  const listed = files.map(({ name, content, modifiedAt = 1_700_000_001 }) => {
    const plain = Buffer.from(content)
    const facts: EntryFacts = { path: name, size: plain.length, crc32: crc32(plain), modifiedAt }
    const sha256 = createHash('sha256').update(plain).digest('hex')
    locals.push(encodeLocalHeader(facts), plain)
    centrals.push(encodeCentralHeader(facts, offset))
    size += centralHeaderSize(facts, offset)
    offset += encodeLocalHeader(facts).length + plain.length
    digest.update(digestLine({ ...facts, sha256 }))
    return {
      path: name,
      size: plain.length,
      packedSize: plain.length,
      crc32: facts.crc32.toString(16).padStart(8, '0'),
      sha256,
      modifiedAt: new Date(modifiedAt * 1000).toISOString()
    }
  })
  const bytes = Buffer.concat([...locals, ...centrals, encodeEnd({ entryCount: files.length, offset, size })])
  const manifest = { archiveName: 'a.zip', archiveSize: bytes.length, digest: digest.digest('hex'), files: listed }
  return { bytes, manifest }
}

async function verify(t: Test, bytes: Buffer, manifest?: Manifest): Promise<Verification> {
  const root = t.testdir({ 'a.zip': bytes })
  const verification = await verifyArchive(path.join(root, 'a.zip'), { manifest })
  t.ok(allClosedBelow(fs.realpathSync(root)))
  return verification
}

t.test('an export is sound, without and against its manifest', async (t) => {
  for (const files of [FILES, []]) {
    const { bytes, manifest } = makeExport(files)
    const expected = { files: files.length, bytes: bytes.length, differences: [], differenceCount: 0 }
    t.same(await verify(t, bytes), expected)
    t.same(await verify(t, bytes, manifest), expected)
  }
})

t.test('deflated entries of a foreign archive are read and checked, but differ from the manifest', async (t) => {
  const { manifest } = makeExport(FILES)
  const bytes = rawZip(FILES.map(({ name, content }) => ({ name, content, isDeflated: name === 'packages/b.uxz' })))
  const { differences, differenceCount } = await verify(t, bytes)
  t.same({ differences, differenceCount }, { differences: [], differenceCount: 0 })
  const wrong = rawZip(FILES.map(({ name, content }) => ({ name, content, isDeflated: true, crc32: 1 })))
  t.same(
    (await verify(t, wrong)).differences,
    FILES.map(({ name }) => `The CRC-32 of ${name} differs from the recorded one.`)
  )
  t.match((await verify(t, bytes, { ...manifest, archiveSize: bytes.length })).differences, [
    /^packages\/b\.uxz takes \d+ bytes in the archive, but the manifest says 180\.$/
  ])
})

t.test('against the manifest, a change of any byte is found', async (t) => {
  const { bytes, manifest } = makeExport(FILES)
  const file = path.join(t.testdir({}), 'a.zip')
  const unnoticed: number[] = []
  for (let position = 0; position < bytes.length; position += 1) {
    const flipped = Buffer.from(bytes)
    flipped[position] = (flipped[position] ?? 0) ^ (1 << (position % 8))
    fs.writeFileSync(file, flipped)
    const { differenceCount } = await verifyArchive(file, { manifest })
    if (differenceCount === 0) unnoticed.push(position)
  }
  t.same(unnoticed, [])
})

t.test('without a manifest, changed content and a cut archive are found', async (t) => {
  const { bytes } = makeExport(FILES)
  const flipped = Buffer.from(bytes)
  flipped.write('THE', bytes.indexOf('the readme'))
  t.same((await verify(t, flipped)).differences, ['The CRC-32 of a.txt differs from the recorded one.'])
  t.match((await verify(t, bytes.subarray(0, -1))).differences, [/^It is no \.zip, is damaged or was cut off/])
  const longer = Buffer.concat([bytes, Buffer.alloc(10)])
  t.equal((await verify(t, longer)).differenceCount, 1)
})

t.test('files that are missing, hidden, or not in the manifest are named', async (t) => {
  const { manifest } = makeExport(FILES)
  const { bytes } = makeExport([...FILES.slice(1), { name: 'extra.txt', content: 'x' }])
  t.match((await verify(t, bytes, manifest)).differences, [
    /^The archive has \d+ bytes, but its manifest says \d+\.$/,
    'extra.txt is not in the manifest.',
    'a.txt is missing, or cannot be read.'
  ])
  const hidden = makeExport([...FILES, { name: '.hidden', content: 'x' }])
  t.match((await verify(t, hidden.bytes)).differences, [
    /^The archive has 1 entries that are directories or hidden files/
  ])
})

t.test('another content of the same size, another time and another digest are found', async (t) => {
  const { manifest } = makeExport(FILES)
  const [first, ...others] = FILES as [TestFile, ...TestFile[]]
  const changed = makeExport([{ ...first, content: 'the reader' }, ...others])
  const same = {
    ...manifest,
    files: manifest.files.map((file, index) => (index === 0 ? changed.manifest.files[0] : file))
  }
  t.match((await verify(t, changed.bytes, manifest)).differences, [
    'The CRC-32 of a.txt differs from that in the manifest.'
  ])
  t.match((await verify(t, changed.bytes, same as Manifest)).differences, [/^The digest of the archive is /])
  const later = makeExport([{ ...first, modifiedAt: 1_700_000_002 }, ...others])
  t.match((await verify(t, later.bytes, manifest)).differences, [
    /^Byte 1\d of the archive differs from what an export has there\.$/
  ])
  const forged = { ...manifest.files[0], sha256: '0'.repeat(64) } as Manifest['files'][number]
  const { differences } = await verify(t, makeExport(FILES).bytes, {
    ...manifest,
    files: [forged, ...manifest.files.slice(1)]
  })
  t.same(differences, ['The SHA-256 of a.txt differs from that in the manifest.'])
})

t.test('an unreadable file, and an invalid manifest, are refused with a sentence', async (t) => {
  const root = t.testdir({ 'a.json': '{"files":[]}', 'b.json': 'x' })
  await t.rejects(verifyArchive(path.join(root, 'none'), { manifest: undefined }), {
    message: /none cannot be read: ENOENT\.$/
  })
  await t.rejects(verifyArchive(root, { manifest: undefined }), { message: /is not a file\.$/ })
  for (const name of ['a.json', 'b.json'])
    t.throws(() => readManifest(path.join(root, name)), { message: /it is not a manifest/ })
  t.throws(() => readManifest(path.join(root, 'none')), { message: /ENOENT/ })
  const { manifest } = makeExport(FILES)
  t.throws(() => checkManifest({ ...manifest, files: [{ ...manifest.files[0], crc32: 'xyz' }] }), SyntaxError)
})

t.test('an aborted signal ends the verification', async (t) => {
  const { bytes } = makeExport(FILES)
  const root = t.testdir({ 'a.zip': bytes })
  await t.rejects(verifyArchive(path.join(root, 'a.zip'), { manifest: undefined, signal: AbortSignal.abort() }), {
    name: 'AbortError'
  })
})
