#!/usr/bin/env node
/** The entry: everything else is loaded after the compile cache is on, here and in the threads. */
import { enableCompileCache } from 'node:module'

// Without it each thread loads the TypeScript stripper: slower to start, and some 50 MB more in memory.
const { directory } = enableCompileCache()
// Threads look for it in the environment.
if (directory !== undefined) process.env.NODE_COMPILE_CACHE = directory

const { runCommand } = await import('./command-line.ts')
await runCommand(process.argv.slice(2))
