import { crc32, gunzipSync } from 'node:zlib'
import t from 'tap'
import { fromBufferPromise } from 'yauzl'
import { tarGzipOf, zipOf } from '../../../../sample/write/containers.ts'
import {
  type Content,
  checksumContent,
  contentOf,
  digestContent,
  joinContents
} from '../../../../sample/write/content.ts'
import { createImageMaker } from '../../../../sample/write/image.ts'

const image = createImageMaker(Buffer.from('borrowed bytes'), 1)
const bytesOf = (content: Content) => Buffer.concat([...content.chunks()])

t.test('a tar in gzip has its computed size, and is unpacked unchanged', async (t) => {
  // Below and above the largest stored block, a tar block, and a chunk.
  for (const size of [0, 1, 511, 512, 63_486, 63_487, 63_488, 65_535, 65_536, 131_070, 1_048_576, 1_400_000]) {
    const entry = image('key', size)
    const content = tarGzipOf([{ name: 'image.img', content: entry }], 1_500_000_000)
    const bytes = bytesOf(content)
    t.equal(bytes.length, content.size, `${size}`)
    const tar = gunzipSync(bytes)
    t.equal(tar.length % 512, 0)
    t.ok(tar.subarray(512, 512 + size).equals(bytesOf(entry)))
  }
})

t.test('a ZIP behind a stub can be opened, and has its computed size', async (t) => {
  const entries = [
    { name: 'a.img', content: image('a', 3000) },
    { name: 'folder/b.img', content: image('b', 10) }
  ]
  const content = zipOf(entries, 1_500_000_000, contentOf('#!/bin/sh\nexit 1\n'))
  const bytes = bytesOf(content)
  t.equal(bytes.length, content.size)
  const zip = await fromBufferPromise(bytes)
  const found: { fileName: string; crc32: number }[] = []
  for await (const { fileName, crc32 } of zip.eachEntry()) found.push({ fileName, crc32 })
  t.same(
    found,
    entries.map(({ name, content }) => ({ fileName: name, crc32: checksumContent(content) }))
  )
})

t.test('an image is the same for the same key, and different for another key', async (t) => {
  const content = image('key', 2_500_000)
  t.equal(bytesOf(content).length, 2_500_000)
  t.ok(bytesOf(content).equals(bytesOf(image('key', 2_500_000))))
  t.notOk(bytesOf(content).equals(bytesOf(image('other', 2_500_000))))
})

t.test('digests are those of the joined bytes', async (t) => {
  const content = joinContents(contentOf('ab'), contentOf(''), contentOf('c'))
  t.equal(digestContent(content).crc32, crc32('abc'))
  t.equal(digestContent(content).sha256, 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
