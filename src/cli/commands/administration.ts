/** The commands that work on the data directory of this machine. Each loads `admin` only when it runs. */
import type { Command } from 'commander'
import { type CliContext, withJson } from './command.ts'

interface JsonOption {
  readonly json?: boolean
}

const loadCommands = () => import('../../admin/commands.ts')

/** In the order in which the help lists them. */
export function addAdministration(program: Command, context: CliContext): void {
  addBackup(program, context)
  addDoctor(program, context)
  addMigrate(program, context)
  addMigrateStore(program, context)
  addAudit(program, context)
  addSupportBundle(program, context)
}

function addBackup(program: Command, { exit }: CliContext): void {
  withJson(program.command('backup'))
    .description('copy the database of the data directory into a file; the server may run')
    .argument('<file>', 'the new file; it must not exist')
    .action(async (file: string, options: JsonOption) => {
      exit(await (await loadCommands()).runBackup(file, options.json === true))
    })
}

function addDoctor(program: Command, { exit }: CliContext): void {
  withJson(program.command('doctor'))
    .description('check database, archives and catalog of the data directory without changing them')
    .option('--rebuild', 'read the whole repository again, while the server is stopped')
    .addHelpText('after', '\nExit code 0: sound, 1: findings, 2: not everything could be checked.')
    .action(async (options: JsonOption & { rebuild?: boolean }) => {
      exit(await (await loadCommands()).runDoctor(options.rebuild === true, options.json === true))
    })
}

function addMigrate(program: Command, { exit }: CliContext): void {
  program
    .command('migrate')
    .description('upgrade the database to the newest schema; a start of the server does the same')
    .action(async () => {
      exit(await (await loadCommands()).runMigrate())
    })
}

function addMigrateStore(program: Command, { exit }: CliContext): void {
  withJson(program.command('migrate-store'))
    .description('move database and archives to PostgreSQL, to S3, or back, while the server is stopped')
    .requiredOption('--to <file>', 'file with the settings of the target, in the format of .env')
    .addHelpText('after', '\nAfter an interruption, the same command continues. The source is not changed.')
    .action(async (options: JsonOption & { to: string }) => {
      exit(await (await loadCommands()).runMigrateStore(options.to, options.json === true))
    })
}

function addAudit(program: Command, { exit }: CliContext): void {
  const audit = program.command('audit').description('check or export the audit trail of the data directory')
  withJson(audit.command('verify'))
    .description('check that no record was changed, removed or inserted')
    .option('--expect <hash>', 'hash that a record must have, such as that of the last record at an earlier check')
    .addHelpText('after', '\nExit code 0: sound, 1: not sound, 2: it could not be checked.')
    .action(async (options: JsonOption & { expect?: string }) => {
      exit(await (await loadCommands()).runAuditVerify(options.expect, options.json === true))
    })
  audit
    .command('export')
    .description('write the records to standard output, one line of JSON for each')
    .option('--since <time>', 'only records from this day or time in UTC on, such as 2026-01-05T09:30:00Z')
    .option('--until <time>', 'only records before this day or time')
    .action(async ({ since, until }: { since?: string; until?: string }) => {
      exit(await (await loadCommands()).runAuditExport(since, until))
    })
}

function addSupportBundle(program: Command, { exit }: CliContext): void {
  withJson(program.command('support-bundle'))
    .description("collect settings, versions, the doctor's findings and the end of the log in a .tar, without secrets")
    .argument('<file>', 'the new file; it must not exist')
    .option('--log <file>', 'the log of the server')
    .action(async (file: string, options: JsonOption & { log?: string }) => {
      exit(await (await loadCommands()).runSupportBundle(file, options.log, options.json === true))
    })
}
