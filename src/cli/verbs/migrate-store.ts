import type { Command } from 'commander'
import { type CliContext, withJson } from '../client/client-command.ts'

/** `fixdepot migrate-store --to SETTINGS`: on the machine of the server. */
export function addMigrateStore(program: Command, { exit }: CliContext): void {
  withJson(program.command('migrate-store'))
    .description('move database and archives to PostgreSQL, to S3, or back, while the server is stopped')
    .requiredOption('--to <file>', 'a file such as .env, with the settings that say where to')
    .addHelpText('after', '\nAfter an interruption the same command goes on. Nothing is changed where the depot was.')
    .action(async (options: { to: string; json?: boolean }) => {
      const { runMigrateStore } = await import('../../admin/commands.ts')
      exit(await runMigrateStore(options.to, options.json === true))
    })
}
