import { type Command, Option } from 'commander'
import type { ApiClient } from '../client/api-client.ts'
import type { CatalogProblem, PackageSummary } from '../client/api-types.ts'
import { type Column, humanSize, log, print, tableLines } from '../terminal/output.ts'
import { type CliContext, type ClientOptions, withConnection, withServer } from './command.ts'
import { type FilterOptions, machineType, queryOf, withFilter } from './filter-options.ts'

interface ListOptions extends ClientOptions, FilterOptions {
  readonly machineType?: string
  readonly problems?: boolean
}

interface Listing<Item> {
  readonly path: string
  readonly member: string
  readonly columns: readonly Column[]
  readonly row: (item: Item) => string[]
  /** Name of an item, for the last line. */
  readonly noun: string
}

const PAGE = 1_000

const PACKAGES: Omit<Listing<PackageSummary>, 'path'> = {
  member: 'packages',
  columns: [
    { title: 'FIXID' },
    { title: 'VERSION' },
    { title: 'CATEGORY' },
    { title: 'RELEASED' },
    { title: 'PAYLOAD' },
    { title: 'SIZE', align: 'right' }
  ],
  row: ({ fixid, version, category, releaseDate, payloadState, size }) => [
    fixid,
    version,
    category,
    releaseDate,
    payloadState,
    humanSize(size)
  ],
  noun: 'package'
}

const PROBLEMS: Omit<Listing<CatalogProblem>, 'path'> = {
  member: 'problems',
  columns: [{ title: 'PATH' }, { title: 'PROBLEM' }],
  row: ({ path, text }) => [path, text],
  noun: 'problem'
}

/** `fixdepot list`: the packages, or the problems in the repository, page by page. */
export function addList(program: Command, { environment }: CliContext): void {
  const command = withFilter(program.command('list').description('list packages'))
    .option('--machine-type <type>', 'only packages for this machine type, such as 7X05', machineType)
    .addOption(
      new Option('--problems', 'list the problems in the repository instead').conflicts([
        'search',
        'kind',
        'latest',
        'downloaded',
        'machineType'
      ])
    )
  withConnection(command).action((options: ListOptions) =>
    withServer(options, environment, async ({ client }) => {
      const query = queryOf(options)
      if (options.machineType !== undefined) query.set('machineType', options.machineType)
      if (options.problems) await list(client, { ...PROBLEMS, path: '/api/v1/problems?' }, options.json === true)
      else await list(client, { ...PACKAGES, path: `/api/v1/packages?${query}&` }, options.json === true)
    })
  )
}

/** Prints a table, or for scripts one JSON array with an item per line. */
async function list<Item>(
  client: ApiClient,
  { path, member, columns, row, noun }: Listing<Item>,
  isJson: boolean
): Promise<void> {
  const widths: number[] = []
  let count = 0
  for (let cursor: string | null = ''; cursor !== null; ) {
    const from: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const page: Record<string, unknown> = await client.retryWithin(() =>
      client.json({ path: `${path}limit=${PAGE}${from}` })
    )
    const items = page[member] as Item[]
    cursor = page.next as string | null
    if (isJson) for (const item of items) print(`${count++ === 0 ? '[' : ','}${JSON.stringify(item)}`)
    else if (count + items.length > 0) {
      count += items.length
      for (const line of tableLines(columns, items.map(row), widths)) print(line)
    }
  }
  if (isJson) print(count === 0 ? '[]' : ']')
  else log(`${count} ${noun}${count === 1 ? '' : 's'}`)
}
