import type { Command } from 'commander'
import type { ApiClient } from '../client/api-client.ts'
import type { ExportState, RepositorySize } from '../client/api-types.ts'
import { EXIT } from '../terminal/exit.ts'
import { coloured, factLines, humanSize, humanTime, print, printJson, tableLines } from '../terminal/output.ts'
import { type CliContext, type ClientOptions, withConnection, withServer } from './command.ts'

interface Health {
  readonly status: string
  readonly checks: readonly { readonly name: string; readonly isHealthy: boolean; readonly reason: string }[]
}

interface Status {
  readonly url: string
  readonly version: string
  readonly isReady: boolean
  readonly checks: Health['checks']
  readonly repository: RepositorySize & { readonly lastRead: string | null }
  /** The running ones, and the last ones that have ended. */
  readonly exports: readonly ExportState[]
}

const SHOWN_EXPORTS = 10
const EXPORTS = [
  { title: 'EXPORT', align: 'right' },
  { title: 'STATE' },
  { title: 'DONE', align: 'right' },
  { title: 'SIZE', align: 'right' },
  { title: 'PACKAGES', align: 'right' },
  { title: 'BY' },
  { title: 'CREATED' }
] as const

/** `fixdepot status`: the state of the server. */
export function addStatus(program: Command, { environment, exit }: CliContext): void {
  withConnection(
    program.command('status').description('show the state of the server: ready or why not, space, and the last exports')
  ).action((options: ClientOptions) =>
    withServer(options, environment, async ({ client }) => {
      const status = await readStatus(client)
      if (options.json) printJson(status)
      else show(status)
      if (!status.isReady) exit(EXIT.failed)
    })
  )
}

async function readStatus(client: ApiClient): Promise<Status> {
  const repository = '/updateRepositories/firmware'
  const { appliance } = await client.json<{ appliance: { version: string } }>({ path: '/aicc' })
  const health = await readHealth(client)
  const { size } = await client.json<{ size: RepositorySize }>({ path: `${repository}?key=size` })
  const { lastRefreshed } = await client.json<{ lastRefreshed: string }>({ path: `${repository}?key=lastRefreshed` })
  const { exports } = await client.json<{ exports: ExportState[] }>({ path: `/api/v1/exports?limit=${SHOWN_EXPORTS}` })
  return {
    url: client.url,
    version: appliance.version,
    isReady: health.status === 'ready',
    checks: health.checks,
    repository: { ...size, lastRead: toIso(lastRefreshed) },
    exports
  }
}

/** A server that is not ready answers 503 with the reasons in the body. */
async function readHealth(client: ApiClient): Promise<Health> {
  return client.json<Health>({ path: '/health/ready', accept: [503] })
}

/** From `MM-DD-YYYY-HH:MM`, the format of the appliance's API. */
function toIso(time: string): string | null {
  const [, month, day, year, clock] = /^(\d\d)-(\d\d)-(\d{4})-(\d\d:\d\d)$/.exec(time) ?? []
  return year === undefined ? null : `${year}-${month}-${day}T${clock}:00.000Z`
}

function show({ url, version, isReady, checks, repository, exports }: Status): void {
  const { usedSpace, freeSpace, lastRead } = repository
  const facts = [
    ['Server', url],
    ['Version', version],
    ['State', isReady ? 'ready' : 'not ready'],
    ['Repository', `${humanSize(usedSpace)} used, ${humanSize(freeSpace)} free`],
    ['Last read', lastRead === null ? 'never' : humanTime(lastRead)]
  ] as const
  for (const line of factLines(facts)) {
    print(line.startsWith('State') ? coloured(isReady ? 'green' : 'red', line) : line)
  }
  for (const { name, isHealthy, reason } of checks) if (!isHealthy) print(coloured('red', `  ${name}: ${reason}`))
  if (exports.length === 0) return
  print('')
  const rows = exports.map((item) => [
    String(item.id),
    item.state,
    `${item.percent} %`,
    humanSize(item.bytesTotal),
    String(item.packagesTotal),
    item.createdBy,
    humanTime(item.createdAt)
  ])
  for (const line of tableLines(EXPORTS, rows)) print(line)
}
