#!/usr/bin/env node
/** The entry point. All other modules are loaded after the compile cache is on, here and in the threads. */
import module from 'node:module'
import { homedir } from 'node:os'
import path from 'node:path'
import { tooOldNode } from './version.ts'

const refusal = tooOldNode(process.versions.node)
if (refusal !== undefined) {
  process.stderr.write(`${refusal}\n`)
  process.exit(1)
}

// Without the cache each thread loads the TypeScript stripper, which takes time and about 50 MB of memory. The cache
// holds code that this process runs, so it is not in /tmp, the default of Node.js: any user could have created that
// directory before. Node.js takes an empty variable for the working directory.
const { directory } = module.enableCompileCache(
  process.env.NODE_COMPILE_CACHE || path.join(homedir(), '.cache/fixdepot')
)
// Threads read the directory from the environment.
if (directory !== undefined) process.env.NODE_COMPILE_CACHE = directory

// The server loads no module of the other commands, and they load none of the server.
const args = process.argv.slice(2)
const [command = 'serve'] = args
if (command === 'serve' && args.length <= 1) {
  const { serve } = await import('./server/serve.ts')
  await serve()
} else {
  const { runProgram } = await import('./cli/program.ts')
  process.exitCode = await runProgram(args, process.env)
}
