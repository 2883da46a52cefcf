import type { Command } from 'commander'
import { type CliContext, withJson } from '../client/client-command.ts'

/** `fixdepot audit verify|export`: on the machine of the server. */
export function addAudit(program: Command, { exit }: CliContext): void {
  const audit = program.command('audit').description('the audit trail of the data directory')
  withJson(audit.command('verify'))
    .description('check that no record was changed, taken out or put in')
    .option('--expect <hash>', 'there must be a record with this hash, such as the last one of an earlier check')
    .addHelpText('after', '\nExit code 0: sound, 1: findings, 2: it could not be checked.')
    .action(async (options: { expect?: string; json?: boolean }) => {
      const { runAuditVerify } = await import('../../admin/commands.ts')
      exit(await runAuditVerify(options.expect, options.json === true))
    })
  audit
    .command('export')
    .description('write the records to standard output, a line of JSON for each')
    .option('--since <time>', 'a day or a time in UTC, such as 2026-01-05T09:30:00Z: what was before it is left out')
    .option('--until <time>', 'what was from then on is left out')
    .action(async ({ since, until }: { since?: string; until?: string }) => {
      const { runAuditExport } = await import('../../admin/commands.ts')
      exit(await runAuditExport(since, until))
    })
}
