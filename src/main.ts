#!/usr/bin/env node
/** The entry: everything else is loaded after the compile cache is on, here and in the threads. */
import module from 'node:module'
import { homedir } from 'node:os'
import path from 'node:path'
import { tooOldNode } from './version.ts'

const refusal = tooOldNode(process.versions.node)
if (refusal !== undefined) {
  process.stderr.write(`${refusal}\n`)
  process.exit(1)
}

// Without it each thread loads the TypeScript stripper: slower to start, and some 50 MB more in memory. It is code that
// we run, so it does not lie where Node.js has it by default: in /tmp anybody could have made the directory before us.
// A variable that is empty names the working directory to Node.js.
const { directory } = module.enableCompileCache(
  process.env.NODE_COMPILE_CACHE || path.join(homedir(), '.cache/fixdepot')
)
// Threads look for it in the environment.
if (directory !== undefined) process.env.NODE_COMPILE_CACHE = directory

const { runCommand } = await import('./command-line.ts')
await runCommand(process.argv.slice(2))
