import t from 'tap'
import { generateRepository } from '../../../../sample/generate.ts'
import { createFileReaderPool } from '../../../../src/worker/scan/file-reader-pool.ts'
import { listProblems, makeDepot } from '../../../support/depot.ts'
import {
  expectedPackages,
  expectedProblems,
  expectedSpoiled,
  foundPackages,
  pathsOf
} from '../../../support/worker/sample-catalog.ts'

t.test('a scan finds everything in a repository', async (t) => {
  const depot = await makeDepot(t)
  const manifest = await generateRepository({ directory: depot.repositoryDirectory, targetBytes: 2_000_000 })
  const pool = createFileReaderPool()
  t.teardown(() => pool.close())
  const totals: number[] = []
  const progress: number[] = []
  const result = await depot.scan({
    pool,
    onTotals: async (bytes) => void totals.push(bytes),
    onProgress: (bytes) => progress.push(bytes)
  })
  const expected = expectedPackages(manifest, depot.repositoryDirectory)
  const spoiled = expectedSpoiled(manifest)
  const found = await foundPackages(depot.db)

  t.test('it finds every package with all its facts, and no others', async (t) => {
    t.same([...found.keys()].sort(), [...expected.keys(), ...spoiled.keys()].sort())
    for (const [fixid, item] of expected) t.same(found.get(fixid), item, fixid)
  })

  t.test('it finds every package whose defect leaves it a package', async (t) => {
    t.ok(spoiled.size >= 6)
    for (const [fixid, { payloadState, paths }] of spoiled) {
      t.equal(found.get(fixid)?.payloadState, payloadState, fixid)
      t.same(pathsOf(found.get(fixid)?.files ?? []), paths)
    }
  })

  t.test('it reports every problem, and no others', async (t) => {
    const problems = await listProblems(depot.db)
    t.same(problems.map((problem) => `${problem.path} ${problem.code}`).sort(), expectedProblems(manifest))
    t.ok(problems.every(({ text }) => /^[A-Z].+\w/.test(text)))
    const duplicate = problems.find(({ code }) => code === 'duplicate-fixid')
    t.match(duplicate?.text, /^Another file describes.*: (\S+) is taken from \1\.xml$/)
  })

  t.test('it reports how much there was to read, and reads it all', async (t) => {
    t.same(totals, [manifest.bytes])
    t.equal(progress.at(-1), manifest.bytes)
    t.same(result, {
      packageCount: found.size,
      filesRead: manifest.files,
      bytesRead: manifest.bytes,
      isUnchanged: false
    })
  })
})
