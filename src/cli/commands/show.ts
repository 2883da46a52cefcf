import { type Command, Option } from 'commander'
import type { PackageDetail } from '../client/api-types.ts'
import { factLines, humanSize, print, printable, printJson, tableLines } from '../terminal/output.ts'
import { type CliContext, type ClientOptions, withConnection, withServer } from './command.ts'

interface ShowOptions extends ClientOptions {
  readonly readme?: boolean
  readonly changes?: boolean
}

const FILES = [{ title: 'FILE' }, { title: 'ROLE' }, { title: 'SIZE', align: 'right' }, { title: 'SHA-256' }] as const

/** `fixdepot show FIXID`: all facts of one package. */
export function addShow(program: Command, { environment }: CliContext): void {
  const command = program
    .command('show')
    .description('show one package: its files, members, requisites and problems')
    .argument('<fixid>')
    .option('--readme', 'show its readme instead')
    .addOption(new Option('--changes', 'show its change history instead').conflicts(['readme', 'json']))
  withConnection(command).action((fixid: string, options: ShowOptions) =>
    withServer(options, environment, async ({ client }) => {
      const path = `/api/v1/packages/${encodeURIComponent(fixid)}`
      if (options.readme || options.changes) {
        const { text } = await import('node:stream/consumers')
        const content = await text(await client.open({ path: `${path}/${options.readme ? 'readme' : 'changes'}` }))
        for (const line of content.trimEnd().split(/\r?\n/)) print(printable(line.replaceAll('\t', '    ')))
        return
      }
      const item = await client.json<PackageDetail>({ path })
      if (options.json) printJson(item)
      else showPackage(item)
    })
  )
}

function showPackage(item: PackageDetail): void {
  const facts = [
    ['Fixid', item.fixid],
    ['Name', item.name],
    ['Kind', item.kind],
    ['Version', [item.version, item.buildNumber].filter((part) => part !== '').join(', build ')],
    ['Category', item.category],
    ['Severity', item.severity],
    ['Released', item.releaseDate],
    ['Reboot', item.rebootRequired],
    ['Payload', item.payloadState],
    ['Size', humanSize(item.size)],
    ['Machine types', item.machineTypes.join(' ')],
    ['Members', item.members.join(' ')],
    ['Requires', item.requisites.map(({ fixid }) => fixid).join(' ')]
  ] as const
  for (const line of factLines(facts)) print(line)
  if (item.files.length > 0) {
    print('')
    const rows = item.files.map(({ path, role, size, sha256 }) => [path, role, humanSize(size), sha256])
    for (const line of tableLines(FILES, rows)) print(line)
  }
  if (item.problems.length > 0) print('')
  for (const { path, text } of item.problems) print(`Problem: ${printable(`${path}: ${text}`)}`)
}
