import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { generateRepository } from '../../../sample/generate.ts'
import { manifestPath } from '../../../sample/manifest.ts'
import { hashTree, readTree } from '../../support/sample/read-tree.ts'

const TINY = 2_000_000
const TINIEST = 600_000

t.test('the same options make the same tree and manifest, including file times', async (t) => {
  const root = t.testdir()
  const hashes: string[] = []
  for (const name of ['first', 'second']) {
    const directory = join(root, name)
    await generateRepository({ directory, targetBytes: TINY })
    hashes.push(await hashTree(directory), await readFile(manifestPath(directory), 'utf8'))
  }
  t.equal(hashes[0], hashes[2])
  t.equal(hashes[1], hashes[3])
})

t.test('another seed makes other payloads', async (t) => {
  const root = t.testdir()
  const [first, second] = await Promise.all(
    [1, 2].map(async (seed) => {
      const directory = join(root, `seed-${seed}`)
      await generateRepository({ directory, targetBytes: TINIEST, seed, seedFiles: [] })
      return new Set(
        (await readTree(directory)).filter(({ path }) => path.endsWith('.bin')).map(({ sha256 }) => sha256)
      )
    })
  )
  t.ok(first && first.size > 0)
  t.notOk([...(first ?? [])].some((sha256) => second?.has(sha256)))
})

t.test('payloads contain bytes of the given seed files', async (t) => {
  const root = t.testdir({ binary: Buffer.from('not much of a binary '.repeat(5000)), other: 'x'.repeat(90_000) })
  const hashes = await Promise.all(
    ['binary', 'other'].map(async (name) => {
      const directory = join(root, `from-${name}`)
      await generateRepository({ directory, targetBytes: TINIEST, seedFiles: [join(root, name)] })
      return hashTree(directory)
    })
  )
  t.not(hashes[0], hashes[1])
})

t.test('the size differs from the requested one by less than a tenth', async (t) => {
  for (const targetBytes of [1_000_000, 20_000_000]) {
    const directory = join(t.testdir(), 'repository')
    let reported = 0
    const onProgress = (bytes: number) => {
      reported = bytes
    }
    const manifest = await generateRepository({ directory, targetBytes, onProgress })
    const bytes = (await readTree(directory)).reduce((sum, { size }) => sum + size, 0)
    t.ok(Math.abs(bytes / targetBytes - 1) < 0.1, `${bytes} bytes for ${targetBytes}`)
    t.equal(manifest.bytes, bytes)
    t.equal(reported, bytes)
  }
})

t.test('without defects every file belongs to a package and nothing is marked', async (t) => {
  const directory = join(t.testdir(), 'repository')
  const manifest = await generateRepository({ directory, targetBytes: TINIEST, defects: false })
  const listed = new Set(manifest.packages.flatMap(({ files }) => files.map(({ path }) => path)))
  t.same(
    (await readTree(directory)).map(({ path }) => path),
    [...listed].sort()
  )
  t.same(manifest.defects, [])
  t.notOk(manifest.packages.some(({ defect }) => defect !== undefined))
  const known = new Set(manifest.packages.map(({ fixid }) => fixid))
  t.ok(manifest.packages.every(({ members }) => members.every((member) => known.has(member))))
})

t.test('the number of packages and machine types can be chosen', async (t) => {
  const directory = join(t.testdir(), 'repository')
  const manifest = await generateRepository({ directory, targetBytes: TINIEST, packages: 20, machineTypes: 10 })
  const own = manifest.packages.filter(({ kind, bundle }) => kind === 'update' && bundle === undefined)
  t.equal(own.length, 20)
})

t.test('a directory that is not empty is refused and left alone', async (t) => {
  const directory = t.testdir({ precious: 'firmware' })
  await t.rejects(generateRepository({ directory, targetBytes: TINIEST }), /is not empty/)
  t.same(await readdir(directory), ['precious'])
})

t.test('a repository that is too small is refused', async (t) => {
  const directory = t.testdir()
  await t.rejects(generateRepository({ directory, targetBytes: 1000 }), /at least 500,000 bytes/)
})
