/** Runs a command to its end, and measures its time and memory. */
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { watchMemory } from './memory.ts'
import type { Workspace } from './workspace.ts'

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly directory?: string
}

export interface Finished {
  /** From the start of the process to its end. */
  readonly seconds: number
  readonly peakBytes: number
  readonly output: string
}

/** @throws Error with the output of the command, when its exit code is not 0 */
export async function runProcess(workspace: Workspace, { file, args, directory }: Command): Promise<Finished> {
  const started = performance.now()
  const child = workspace.spawn(file, args, {
    cwd: directory ?? workspace.directory,
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const ended = once(child, 'exit').then(([code]) => ({ code, seconds: (performance.now() - started) / 1000 }))
  if (child.pid === undefined || child.stdout === null || child.stderr === null) {
    await ended
    throw new Error(`${file} cannot be started`)
  }
  const memory = watchMemory(child.pid)
  const [{ code, seconds }, output, complaint] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  memory.stop()
  if (code !== 0) throw new Error(`${showCommand({ file, args })} ended with ${code}: ${complaint}`)
  return { seconds, peakBytes: memory.peakBytes, output }
}

/** Runs one of the bench's own programs, which print a JSON object. @param script beside this file */
export async function runProgram<Result>(
  workspace: Workspace,
  script: string,
  args: readonly string[]
): Promise<Result & { readonly peakBytes: number }> {
  const program = new URL(script, import.meta.url).pathname
  const { output, peakBytes } = await runProcess(workspace, { file: process.execPath, args: [program, ...args] })
  return { ...JSON.parse(output), peakBytes }
}

export function showCommand({ file, args }: Command): string {
  return [file, ...args].join(' ')
}
