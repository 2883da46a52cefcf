import { type Command, InvalidArgumentError } from 'commander'
import { type CliContext, withConnection, withServer } from './command.ts'
import type { ExportOptions } from './export-selection.ts'
import { addMachineType, withFilter } from './filter-options.ts'

/** `fixdepot export`: packs the selected packages at the server, downloads the archive, and checks it. */
export function addExport(program: Command, { environment, exit }: CliContext): void {
  const command = withFilter(
    program
      .command('export')
      .description('pack packages into an archive, download it, and check it')
      .argument('[fixid...]', 'the packages; a system pack includes its members')
      .option('--all', 'the whole repository')
      .option('--id <number>', 'an export that was started before, instead of a new one', exportId)
      .option('--machine-type <type...>', 'only packages for these machine types, such as 7X05', addMachineType)
  )
    .option('--with-requisites', 'include the packages that the selected ones require')
    .option('--payloads', 'only payloads, without metadata and texts')
    .option('--dry-run', 'only report what the export would contain')
    .option('--output <path>', 'file or directory for the archive', '.')
    .option('--force', 'replace an existing file')
    .option('--manifest', 'keep the manifest next to the archive, for fixdepot verify')
    .option('--no-verify', 'do not read the archive again to check it')
  withConnection(command).action((fixids: string[], options: ExportOptions) =>
    withServer(options, environment, async (session) => {
      const { runExport } = await import('./run-export.ts')
      exit(await runExport(session, fixids, options))
    })
  )
}

/** @throws InvalidArgumentError */
function exportId(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('It is the number of an export.')
  return Number(text)
}
