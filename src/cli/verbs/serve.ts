import type { Command } from 'commander'

/** `fixdepot serve`: in a process that has nothing else to do, see `command-line.ts`. */
export function addServe(program: Command): void {
  program
    .command('serve')
    .description('run the server; this is what fixdepot does without a command')
    .action(async () => (await import('../../server/serve.ts')).serve())
}
