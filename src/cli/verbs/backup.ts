import type { Command } from 'commander'
import { type CliContext, withJson } from '../client/client-command.ts'

/** `fixdepot backup FILE`: on the machine of the server. */
export function addBackup(program: Command, { exit }: CliContext): void {
  withJson(program.command('backup'))
    .description('copy the database of the data directory into a file, also while the server runs')
    .argument('<file>', 'where to; it must not be there yet')
    .action(async (file: string, options: { json?: boolean }) => {
      const { runBackup } = await import('../../admin/commands.ts')
      exit(await runBackup(file, options.json === true))
    })
}
