/** Processes of the bench that print a line when they are ready, and run until they are stopped. */
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Workspace } from './workspace.ts'

export interface ReadyProcess {
  readonly pid: number
  /** The printed line: for a server, its URL. */
  readonly line: string
  stop(): Promise<void>
}

/** @param script beside this file */
export async function startUntilStopped(
  workspace: Workspace,
  script: string,
  args: readonly string[] = []
): Promise<ReadyProcess> {
  const program = new URL(script, import.meta.url).pathname
  const child = workspace.spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  if (child.stdout === null || child.pid === undefined) throw new Error(`${script} cannot be started`)
  const exited = once(child, 'exit')
  const first = await Promise.race([once(createInterface(child.stdout), 'line'), exited.then(() => undefined)])
  if (first === undefined) throw new Error(`${script} ended before it was ready`)
  return {
    pid: child.pid,
    line: first[0],
    async stop() {
      child.kill('SIGTERM')
      await exited
    }
  }
}
