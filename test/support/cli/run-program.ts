/** Runs the program as a child process, as a shell does. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { text } from 'node:stream/consumers'

export const MAIN = path.join(import.meta.dirname, '../../../src/main.ts')

const COMPILED = path.join(import.meta.dirname, '../../.tap/compiled')

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd: string
  /** The whole environment of the program, apart from PATH, HOME and the compile cache. */
  readonly environment?: Readonly<Record<string, string>>
  readonly stdin?: string
  /** Called when the process has been spawned. */
  readonly onStart?: (child: ChildProcessWithoutNullStreams) => void
}

export async function runProgram(args: readonly string[], options: RunOptions): Promise<Outcome> {
  const { cwd, environment = {}, stdin = '', onStart = () => {} } = options
  // HOME is the working directory, so that no user's profile is read. The compile cache is shared by all runs: below
  // HOME it would be removed with each test.
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, NODE_COMPILE_CACHE: COMPILED, ...environment }
  })
  onStart(child)
  child.stdin.on('error', () => {}).end(stdin)
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code, stdout, stderr }
}
