/**
 * Runs the tests, two files at a time, with a line for each file.
 *
 * - `node scripts/test.ts`: the quick ones, test/unit, test/contract and test/api, on SQLite and disk
 * - `node scripts/test.ts all`: all of them, also on PostgreSQL and S3 where these are installed
 * - `node scripts/test.ts changed`: the tests that mirror the files that differ from main
 *
 * Files and folders as further arguments restrict the run to these. `--jobs` is the number of files at a time,
 * `--timeout` the seconds that each may take. The last line has the totals.
 */
import path from 'node:path'
import { parseArgs } from 'node:util'
import { changedFiles, isQuick, listTestFiles, mirrorsOf, onAllStorages, type TestRun } from './test-files.ts'
import { killRunning, runTestFile, type TestResult } from './test-run.ts'
import { startTestServers } from './test-servers.ts'

const ROOT = path.join(import.meta.dirname, '..')
const GRACE_SECONDS = 30
const ON_REMOTE_STORAGE = { TEST_ENGINE: 'postgres', TEST_ARCHIVES: 's3' }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { jobs: { type: 'string', default: '2' }, timeout: { type: 'string', default: '600' } }
})
const [mode, ...paths] = ['all', 'changed'].includes(positionals[0] ?? '') ? positionals : ['quick', ...positionals]

const TIME_LIMIT = { timeoutSeconds: Number(values.timeout), graceSeconds: GRACE_SECONDS }

process.chdir(ROOT)
// Node.js compiles the same files for each test file.
process.env.NODE_COMPILE_CACHE ??= path.join(ROOT, 'node_modules/.cache/node')

/** The runs of this mode, as far as the arguments name them. */
function selectRuns(): TestRun[] {
  const tests = listTestFiles()
  const isNamed = (file: string) => paths.length === 0 || paths.some((given) => isWithin(file, path.normalize(given)))
  if (mode === 'all') return onAllStorages(tests.filter(isNamed))
  const mirrors =
    mode === 'changed'
      ? new Set(changedFiles().flatMap((file) => mirrorsOf(file, tests)))
      : new Set(tests.filter(isQuick))
  return tests.filter((file) => mirrors.has(file) && isNamed(file)).map((file) => ({ file, isRemote: false }))
}

function isWithin(file: string, given: string): boolean {
  return file === given || file.startsWith(`${given.replace(/\/$/, '')}/`)
}

function describe({ file, isRemote }: TestRun): string {
  return isRemote ? `${file} on PostgreSQL and S3` : file
}

async function runAll(runs: readonly TestRun[], environment: Readonly<Record<string, string>>): Promise<TestResult[]> {
  const results: TestResult[] = []
  const waiting = [...runs]
  const running = new Set<string>()
  // Both runs of a file have the same directories for their fixtures: they never run at the same time.
  const takeNext = () => {
    const index = waiting.findIndex(({ file }) => !running.has(file))
    return index === -1 ? undefined : waiting.splice(index, 1)[0]
  }
  async function work(): Promise<void> {
    for (let run = takeNext(); run !== undefined; run = takeNext()) {
      running.add(run.file)
      const own = run.isRemote ? { ...environment, ...ON_REMOTE_STORAGE } : environment
      const result = await runTestFile(run, own, TIME_LIMIT)
      running.delete(run.file)
      results.push(result)
      report(run, result, `[${String(results.length).padStart(String(runs.length).length)}/${runs.length}]`)
    }
  }
  await Promise.all(Array.from({ length: Number(values.jobs) }, work))
  return results
}

function report(run: TestRun, { passed, failed, skips, seconds, report }: TestResult, progress: string): void {
  const counts = [`${passed} passed`, failed > 0 && `${failed} FAILED`, skips.length > 0 && `${skips.length} skipped`]
  console.log(`${progress} ${describe(run)}: ${counts.filter(Boolean).join(', ')}, ${seconds.toFixed(1)} s`)
  if (report !== '') console.log(`\n${report}\n`)
}

/** Each reason once. */
function listSkips(results: readonly TestResult[]): string[] {
  const counts = Map.groupBy(
    results.flatMap(({ skips }) => skips),
    (reason) => reason || 'no reason given'
  )
  return [...counts].map(([reason, all]) => `skipped ${all.length}: ${reason}`).sort()
}

const runs = selectRuns()
const servers =
  mode !== 'quick' && runs.some(({ file }) => !file.startsWith('test/unit/')) ? await startTestServers() : undefined
const environment = servers?.environment ?? {}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    killRunning()
    await servers?.stop()
    process.exit(1)
  })
}
const isRemotePossible = environment.TEST_POSTGRES !== undefined && environment.TEST_S3 !== undefined
const possible = runs.filter(({ isRemote }) => !isRemote || isRemotePossible)
const results = await runAll(possible, environment)
await servers?.stop()

if (possible.length < runs.length) console.log('not run: tests on PostgreSQL and S3, of which one is not installed')
for (const line of listSkips(results)) console.log(line)
const sum = (countOf: (result: TestResult) => number) => results.reduce((total, result) => total + countOf(result), 0)
const failed = sum((result) => result.failed)
console.log(`${sum(({ passed }) => passed)} passed, ${failed} failed, ${sum(({ skips }) => skips.length)} skipped`)
process.exitCode = failed > 0 || (results.length === 0 && mode !== 'changed') ? 1 : 0
