import type { Command } from 'commander'
import { type CliContext, withConnection, withServer } from '../client/client-command.ts'
import type { ExportOptions } from '../export-selection.ts'
import { withFilter } from '../filter-options.ts'
import { addMachineType, exportId } from '../option-values.ts'

/** `fixdepot export`: from the selection to an archive on this machine's disk that has been checked. */
export function addExport(program: Command, { environment, exit }: CliContext): void {
  const command = withFilter(
    program
      .command('export')
      .description('pack packages into an archive, download it, and check it')
      .argument('[fixid...]', 'the packages; system packs bring their members')
      .option('--all', 'the whole repository')
      .option('--id <number>', 'an export that was started before, instead of a new one', exportId)
      .option('--machine-type <type...>', 'only packages for these machine types, such as 7X05', addMachineType)
  )
    .option('--with-requisites', 'with the packages that the selected ones require')
    .option('--payloads', 'only payloads, without metadata and texts')
    .option('--dry-run', 'only tell what the export would be')
    .option('--output <path>', 'file or directory for the archive', '.')
    .option('--force', 'replace a file that is there')
    .option('--manifest', 'keep the manifest beside the archive, for fixdepot verify')
    .option('--no-verify', 'do not read the archive again to check it')
  withConnection(command).action((fixids: string[], options: ExportOptions) =>
    withServer(options, environment, async (session) => {
      const { runExport } = await import('../run-export.ts')
      exit(await runExport(session, fixids, options))
    })
  )
}
