import type { Command } from 'commander'
import { type CliContext, withJson } from '../client/client-command.ts'

/** `fixdepot doctor`: on the machine of the server. */
export function addDoctor(program: Command, { exit }: CliContext): void {
  withJson(program.command('doctor'))
    .description('check database, archives and catalog of the data directory, and change nothing')
    .option('--rebuild', 'read the whole repository again, while the server is stopped')
    .addHelpText('after', '\nExit code 0: sound, 1: findings, 2: not everything could be checked.')
    .action(async (options: { rebuild?: boolean; json?: boolean }) => {
      const { runDoctor } = await import('../../admin/commands.ts')
      exit(await runDoctor(options.rebuild === true, options.json === true))
    })
}
