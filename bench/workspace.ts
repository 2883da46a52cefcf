/** The directory and the processes of a run. Both are removed at its end, also after an error. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

export interface Workspace {
  readonly directory: string
  /** Where Node keeps compiled modules; empty at first. */
  readonly compileCache: string
  /** Starts a process in its own process group; it is killed with its children when the run ends. */
  spawn(file: string, args: readonly string[], options: SpawnOptions): ChildProcess
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** @param parent directory in which the workspace is made */
export function createWorkspace(parent: string): Workspace {
  const directory = fs.mkdtempSync(path.join(fs.realpathSync(parent), 'fixdepot-bench-'))
  const compileCache = path.join(directory, 'compile-cache')
  const children = new Set<ChildProcess>()
  for (const signal of SIGNALS) process.once(signal, () => process.exit(130))
  process.once('exit', () => {
    for (const child of children) killGroup(child)
    // A process that was killed a moment ago may still be adding a file.
    fs.rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  })
  return {
    directory,
    compileCache,
    spawn(file, args, options) {
      // Compiled modules are taken from a cache, as the server does: Node then loads no compiler for TypeScript.
      const env = { ...(options.env ?? process.env), NODE_COMPILE_CACHE: compileCache }
      const child = spawn(file, args, { ...options, env, detached: true })
      children.add(child)
      child.once('exit', () => children.delete(child))
      return child
    }
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The process has already ended.
  }
}
