import type { Command } from 'commander'
import type { CliContext } from '../client/client-command.ts'

/** `fixdepot migrate`: on the machine of the server. */
export function addMigrate(program: Command, { exit }: CliContext): void {
  program
    .command('migrate')
    .description('bring the database to the newest schema, as the server does when it starts')
    .action(async () => {
      const { runMigrate } = await import('../../admin/commands.ts')
      exit(await runMigrate())
    })
}
