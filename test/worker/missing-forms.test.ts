import fs from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import t, { type Test } from 'tap'
import { createDeflatedFiles, deflatedName } from '../../src/files/deflated-files.ts'
import { removeUnneeded } from '../../src/worker/deflate-files.ts'
import { deflateSegment } from '../../src/worker/deflating-thread.ts'
import { createFormMaker } from '../../src/worker/missing-forms.ts'

const MIB = 2 ** 20
const NAME = 'image.img'

/** Shrinks to about a half. */
function image(bytes: number): Buffer {
  const content = Buffer.alloc(bytes)
  for (let at = 0; at < bytes; at += 2) content[at] = Math.imul(at + 1, 2_654_435_761) >>> 24
  return content
}

/** A file, its form as a scan makes it, and an empty cache. */
async function place(t: Test, bytes: number) {
  const root = fs.realpathSync(t.testdir({ repository: {}, cache: {} }))
  const repositoryDirectory = path.join(root, 'repository')
  fs.writeFileSync(path.join(repositoryDirectory, NAME), image(bytes))
  const segments: Uint8Array[] = []
  for (let start = 0; start < bytes; start += 2 * MIB) {
    const length = Math.min(2 * MIB, bytes - start)
    const isLast = start + length === bytes
    const segment = await deflateSegment({ root: repositoryDirectory, path: NAME, start, length, isLast })
    if (segment !== undefined) segments.push(segment.deflated)
  }
  const form = Buffer.concat(segments)
  const files = createDeflatedFiles(path.join(root, 'cache'))
  let segmentsMade = 0
  const makeForm = createFormMaker({
    repository: { root: () => repositoryDirectory },
    files,
    deflate(job) {
      segmentsMade += 1
      return deflateSegment(job)
    }
  })
  const deflated = { size: form.length, crc32: crc32(form) }
  const entry = { path: NAME, size: bytes, sha256: 'a'.repeat(64), deflated }
  const cached = () => fs.readdirSync(path.join(root, 'cache'))
  const read = () => fs.readFileSync(path.join(root, 'cache', deflatedName(entry)))
  return { repositoryDirectory, files, form, makeForm, entry, cached, read, made: () => segmentsMade }
}

t.test('a form that is missing is made again, the same bytes, and once for all who want it', async (t) => {
  const { makeForm, entry, form, read, cached, made } = await place(t, 5 * MIB)
  await Promise.all([makeForm(entry), makeForm(entry)])
  t.ok(read().equals(form))
  t.equal(made(), 3)
  await makeForm(entry)
  t.equal(made(), 3, 'what is there is not made')
  t.equal(cached().length, 1)
})

t.test('of a file that has changed, or is gone, there is no form, and nothing is left behind', async (t) => {
  const { repositoryDirectory, makeForm, entry, cached } = await place(t, 3 * MIB)
  const file = path.join(repositoryDirectory, NAME)
  fs.writeFileSync(file, image(3 * MIB).fill('x', 100, 200))
  await makeForm(entry)
  t.same(cached(), [])
  fs.rmSync(file)
  await makeForm(entry)
  t.same(cached(), [])
})

t.test('who gives up leaves nothing behind', async (t) => {
  const { makeForm, entry, cached } = await place(t, 3 * MIB)
  await t.rejects(makeForm(entry, AbortSignal.abort(new Error('stopped'))), /stopped/)
  t.same(cached(), [])
})

t.test('what is being made is not removed with what nobody needs', async (t) => {
  const { files, entry, cached } = await place(t, MIB)
  const output = files.begin(entry.sha256, true)
  fs.writeFileSync(path.join(t.testdirName, 'cache', 'unneeded'), '')
  const nothing = async () => []
  const store = { deflated: nothing, planned: nothing } as unknown as Parameters<typeof removeUnneeded>[0]['store']
  await removeUnneeded({ store, files })
  t.equal(cached().length, 1)
  output.discard()
  t.same(cached(), [])
})
