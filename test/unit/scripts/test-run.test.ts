import t from 'tap'
import { runTestFile, summarize } from '../../../scripts/test-run.ts'

const PASSED = `TAP version 14
# Subtest: a
    ok 1 - should be equal
    1..1
ok 1 - a # time=1.5ms
ok 2 - b # SKIP needs nginx
1..2
# { total: 2, pass: 1, skip: 1 }
`

const FAILED = `TAP version 14
# Subtest: a
    not ok 1 - should be equal
      ---
      diff: |
        -1

        +2
      ...
    ok 2 - fine
    1..2
not ok 1 - a # time=3ms
1..1
# { total: 2, pass: 1, fail: 1 }
`

t.test('the totals and the reasons of skips are those of the TAP', async (t) => {
  t.same(summarize(PASSED, 'a warning', ''), { passed: 1, failed: 0, skips: ['needs nginx'], report: '' })
})

t.test('a failure is shown with its details, and without what passed', async (t) => {
  const { failed, report } = summarize(FAILED, '', 'It ended with code 1.')
  t.equal(failed, 1)
  t.match(report, / {4}not ok 1 - should be equal\n {6}---\n {6}diff: \|\n {8}-1\n\n {8}\+2\n {6}\.\.\.\nnot ok 1 - a/)
  t.match(report, /It ended with code 1\.$/)
  t.notMatch(report, /fine/)
})

t.test('a file without totals, and one that ends badly after its tests, have failed', async (t) => {
  t.match(summarize('TAP version 14\n', 'SyntaxError: no', 'It ended with code 1.'), {
    failed: 1,
    report: /SyntaxError: no\nIt ended with code 1\.$/
  })
  t.match(summarize('', '', ''), { passed: 0, failed: 1 })
  t.match(summarize(PASSED, '', 'It ended with SIGSEGV.'), { passed: 1, failed: 1, report: /SIGSEGV/ })
})

t.test('a file that does not end is killed with all that it has started', { timeout: 60_000 }, async (t) => {
  const directory = t.testdir({
    'endless.test.ts': `
      import { spawn } from 'node:child_process'
      spawn('sleep', ['1000'], { stdio: 'inherit' })
      setInterval(() => {}, 1000)
    `
  })
  // Its output is open as long as one of its processes runs.
  const run = { file: `${directory}/endless.test.ts`, isRemote: false }
  const { failed, report } = await runTestFile(run, {}, { timeoutSeconds: 1, graceSeconds: 0 })
  t.equal(failed, 1)
  t.match(report, /SIGKILL/)
})
