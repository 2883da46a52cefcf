import type { Command } from 'commander'
import { type CliContext, withJson } from '../client/client-command.ts'

/** `fixdepot support-bundle FILE`: on the machine of the server. */
export function addSupportBundle(program: Command, { exit }: CliContext): void {
  withJson(program.command('support-bundle'))
    .description("collect settings, versions, the doctor's findings and the end of a log in a .tar, without secrets")
    .argument('<file>', 'where to; it must not be there yet')
    .option('--log <file>', 'the log of the server')
    .action(async (file: string, options: { log?: string; json?: boolean }) => {
      const { runSupportBundle } = await import('../../admin/commands.ts')
      exit(await runSupportBundle(file, options.log, options.json === true))
    })
}
