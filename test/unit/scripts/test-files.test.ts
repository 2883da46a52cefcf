import t from 'tap'
import { isQuick, listTestFiles, mirrorsOf, onAllStorages } from '../../../scripts/test-files.ts'

const TESTS = [
  'test/system/server/start.test.ts',
  'test/api/lxca/task-routes.test.ts',
  'test/api/lxca/status-routes.test.ts',
  'test/contract/store/tasks/task-store.test.ts',
  'test/unit/store/tasks/plan.test.ts',
  'test/unit/zip/layout.test.ts',
  'test/unit/zip/write-archive-failures.test.ts',
  'test/unit/zip/write-archive.test.ts'
]

t.test('every test file is in the folder of a level', async (t) => {
  const files = listTestFiles()
  t.ok(files.includes('test/unit/scripts/test-files.test.ts'))
  t.equal(new Set(files).size, files.length)
})

t.test('what needs real processes is not quick', async (t) => {
  t.same(TESTS.filter(isQuick), TESTS.slice(1))
})

t.test('routes and kills are tested on both storages, everything else on one', async (t) => {
  t.same(onAllStorages(['test/api/a.test.ts', 'test/system/chaos/b.test.ts', 'test/unit/c.test.ts']), [
    { file: 'test/api/a.test.ts', isRemote: false },
    { file: 'test/api/a.test.ts', isRemote: true },
    { file: 'test/system/chaos/b.test.ts', isRemote: false },
    { file: 'test/system/chaos/b.test.ts', isRemote: true },
    { file: 'test/unit/c.test.ts', isRemote: false }
  ])
})

t.test('a changed file has the tests that are named for it, or else those of its folder', async (t) => {
  const cases: readonly [string, readonly string[]][] = [
    ['src/zip/write-archive.ts', TESTS.slice(6)],
    ['src/zip/layout.ts', ['test/unit/zip/layout.test.ts']],
    ['src/zip/entry-source.ts', TESTS.slice(5)],
    ['src/store/tasks/task-store.ts', ['test/contract/store/tasks/task-store.test.ts']],
    ['src/http/lxca/status-routes.ts', ['test/api/lxca/status-routes.test.ts']],
    ['test/system/server/start.test.ts', ['test/system/server/start.test.ts']],
    ['test/unit/deleted.test.ts', []],
    ['README.md', []]
  ]
  for (const [changed, expected] of cases) t.same(mirrorsOf(changed, TESTS), expected, changed)
})
