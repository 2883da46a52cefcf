/** Runs one test file in a process of its own, and reads the totals from its TAP. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { TestRun } from './test-files.ts'

/** Shown of a file that fails without a failed assertion. */
const LAST_LINES = 50

export interface TestResult {
  readonly passed: number
  readonly failed: number
  /** The reason of each skipped test. */
  readonly skips: readonly string[]
  readonly seconds: number
  /** What is to be shown of the failures; empty without any. */
  readonly report: string
}

export interface TimeLimit {
  /** Then the file ends by itself, and names the test that ran. */
  readonly timeoutSeconds: number
  /** So long after that it is killed. */
  readonly graceSeconds: number
}

const running = new Set<number>()

/** Kills every test file that runs, with the processes that it has started. */
export function killRunning(): void {
  for (const pid of running) killGroup(pid)
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

export async function runTestFile(
  { file }: TestRun,
  environment: NodeJS.ProcessEnv,
  { timeoutSeconds, graceSeconds }: TimeLimit
): Promise<TestResult> {
  const started = performance.now()
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, ...environment, TAP: '1', TAP_TIMEOUT: String(timeoutSeconds) },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: what a test leaves running ends with it.
    detached: true
  })
  const { pid = 0 } = child
  running.add(pid)
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text
    })
  }
  const timer = setTimeout(() => killGroup(pid), (timeoutSeconds + graceSeconds) * 1000)
  const closed = once(child, 'close')
  const [code, signal] = await once(child, 'exit')
  clearTimeout(timer)
  killGroup(pid)
  await closed
  running.delete(pid)
  const end = code === 0 ? '' : `It ended with ${signal ?? `code ${code}`}.`
  return { ...summarize(said.stdout, said.stderr, end), seconds: (performance.now() - started) / 1000 }
}

/** @param end how the process ended; empty when it ended as it should */
export function summarize(tap: string, stderr: string, end: string): Omit<TestResult, 'seconds'> {
  const totals = /^# \{ (total: \d.*) \}$/m.exec(tap)?.[1] ?? ''
  const count = (name: string) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(totals)?.[1] ?? 0)
  const skips = [...tap.matchAll(/^ *(?:not )?ok \d.* # SKIP ?(.*)$/gm)].map(([, reason = '']) => reason)
  const assertions = {
    passed: count('pass'),
    skips: skips.length === count('skip') ? skips : Array(count('skip')).fill('')
  }
  if (end === '' && totals !== '' && count('fail') === 0) return { ...assertions, failed: 0, report: '' }
  const failures = failuresIn(tap) || lastLines(tap)
  // A file that has run out of time, or never came to its tests, has failed as well.
  return {
    ...assertions,
    failed: Math.max(1, count('fail')),
    report: [failures, lastLines(stderr), end].filter((text) => text !== '').join('\n')
  }
}

/** The lines that say `not ok`, with what follows each of them in YAML. */
function failuresIn(tap: string): string {
  return [...tap.matchAll(/^( *)not ok .*(?:\n\1 {2}---\n(?:\1 {2}.*\n|\n)*?\1 {2}\.\.\.)?/gm)]
    .map(([text]) => text)
    .join('\n')
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-LAST_LINES).join('\n')
}
