/**
 * Calculates the servers that a load needs, the use of each part, and the part that saturates first. The rates were
 * measured on one machine with two cores (docs/scale.md names their sources); other measurements can be passed.
 *
 * - `node scripts/scale-plan.ts` prints the loads of docs/scale.md as a table.
 * - `node scripts/scale-plan.ts --exports=500 --export=20GB --polls=2000 --downloads=800 --packages=50000
 *   --repository=5TB --kept=7` prints one load.
 */
import { parseArgs } from 'node:util'

export interface Load {
  readonly name: string
  /** Independent depots, each with its own database and prefix. All other figures are those of one depot. */
  readonly depots: number
  readonly packages: number
  readonly repositoryBytes: number
  readonly exportsPerHour: number
  readonly exportBytes: number
  /** Downloads of each archive. */
  readonly downloadsPerExport: number
  readonly pollsPerSecond: number
  readonly keptDays: number
}

/** Rates of one server with two cores, or of one database. */
export interface Rates {
  readonly pollsPerSecond: number
  /** Bytes a second that a server packs into a bucket; the storage server runs on the same cores. */
  readonly packedBytesPerSecond: number
  /** Bytes a second that a server sends to clients. */
  readonly sentBytesPerSecond: number
  /** Exports a second that one database accepts, claims and ends. */
  readonly exportsPerSecond: number
  /** Bytes a second of new files that the scan reads and digests. */
  readonly scannedBytesPerSecond: number
  /** Files a second that a scan compares with the file index. */
  readonly statsPerSecond: number
  /** Of a network card, in each direction. */
  readonly networkBytesPerSecond: number
}

export interface Part {
  readonly name: string
  /** Of one depot. */
  readonly servers: number
  /** Whether more servers raise the capacity. */
  readonly canBeAdded: boolean
  /** Share of the capacity that the load uses with that number of servers, from 0 to 1. */
  readonly use: number
}

export interface Plan {
  readonly parts: readonly Part[]
  /** Of one depot: the maximum of all parts, since every server does all work. */
  readonly servers: number
  readonly allServers: number
  /** Bytes of all kept archives, of all depots. */
  readonly keptBytes: number
  /** Of one depot, on one server. */
  readonly firstScanHours: number
  readonly rescanMinutes: number
  /** The part with the highest use among those whose capacity more servers do not raise. */
  readonly ceiling: Part
}

/** As in docs/scale.md. */
const FILES_PER_PACKAGE = 4
/** Above this use, waiting grows fast: at 0.7 a request waits 2.3 times its service time (M/M/1, 0.7 / (1 - 0.7)). */
const HIGHEST_USE = 0.7
const HOUR = 3_600

export const MEASURED: Rates = {
  pollsPerSecond: 5_200,
  packedBytesPerSecond: 40e6,
  sentBytesPerSecond: 1_000e6,
  exportsPerSecond: 46,
  scannedBytesPerSecond: 1_590e6,
  statsPerSecond: 10_000,
  networkBytesPerSecond: 1_250e6
}

/** @throws RangeError for a load that needs more depots, whatever the number of servers */
export function planScale(load: Load, rates: Rates = MEASURED): Plan {
  const exportsPerSecond = load.exportsPerHour / HOUR
  const packed = exportsPerSecond * load.exportBytes
  const sent = packed * load.downloadsPerExport
  const byServers = (name: string, use: number): Part => {
    const servers = Math.max(1, Math.ceil(use / HIGHEST_USE))
    return { name, servers, canBeAdded: true, use: use / servers }
  }
  const alone = (name: string, use: number): Part => ({ name, servers: 1, canBeAdded: false, use })
  const polled = load.pollsPerSecond / rates.pollsPerSecond
  // All work of a server shares its cores, so that the shares add up.
  const cores = byServers(
    'cores: packing, sending, answering',
    packed / rates.packedBytesPerSecond + sent / rates.sentBytesPerSecond + polled
  )
  // A packed byte is received once and sent once; a sent byte comes from the storage.
  const network = byServers('network of the servers', (packed + sent) / rates.networkBytesPerSecond)
  const database = alone('database: accepting and ending exports', exportsPerSecond / rates.exportsPerSecond)
  const files = load.packages * FILES_PER_PACKAGE
  const rescanSeconds = files / rates.statsPerSecond
  const scan = alone('the one scan, once an hour', rescanSeconds / HOUR)
  const parts = [cores, network, database, scan]
  const fixed = parts.filter(({ canBeAdded }) => !canBeAdded)
  const ceiling = fixed.reduce((first, part) => (part.use > first.use ? part : first))
  if (ceiling.use > 1) throw new RangeError(`${load.name}: ${ceiling.name} would be used to ${percent(ceiling.use)}`)
  const servers = Math.max(...parts.map((part) => part.servers))
  return {
    parts,
    servers,
    allServers: servers * load.depots,
    keptBytes: load.depots * load.exportsPerHour * 24 * load.keptDays * load.exportBytes,
    firstScanHours: load.repositoryBytes / rates.scannedBytesPerSecond / HOUR,
    rescanMinutes: rescanSeconds / 60,
    ceiling
  }
}

export const LOADS: readonly Load[] = [
  {
    name: 'one site',
    depots: 1,
    packages: 2_000,
    repositoryBytes: 500e9,
    exportsPerHour: 20,
    exportBytes: 5e9,
    downloadsPerExport: 2,
    pollsPerSecond: 20,
    keptDays: 7
  },
  {
    name: 'a provider',
    depots: 1,
    packages: 50_000,
    repositoryBytes: 10e12,
    exportsPerHour: 500,
    exportBytes: 10e9,
    downloadsPerExport: 3,
    pollsPerSecond: 5_000,
    keptDays: 7
  },
  {
    name: '10 PB by one depot',
    depots: 1,
    packages: 1_000_000,
    repositoryBytes: 200e12,
    exportsPerHour: 425,
    exportBytes: 20e9,
    downloadsPerExport: 1,
    pollsPerSecond: 20_000,
    keptDays: 49
  },
  {
    name: '10 PB by 20 depots',
    depots: 20,
    packages: 50_000,
    repositoryBytes: 10e12,
    exportsPerHour: 21,
    exportBytes: 20e9,
    downloadsPerExport: 1,
    pollsPerSecond: 1_000,
    keptDays: 49
  }
]

const UNITS = ['', 'k', 'M', 'G', 'T', 'P'] as const

/** Such as 5TB. @throws RangeError */
export function parseBytes(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?) ?([kMGTP]?)B?$/.exec(text) ?? []
  if (number === undefined) throw new RangeError(`${text} is not a size such as 500GB`)
  return Number(number) * 1_000 ** UNITS.indexOf(unit as (typeof UNITS)[number])
}

function showBytes(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  return `${Number((bytes / 1_000 ** power).toPrecision(3))} ${UNITS[power]}B`
}

const percent = (use: number) => `${Number((use * 100).toPrecision(2))} %`

/** A Markdown table with a column for each load. */
export function showPlans(loads: readonly Load[], rates: Rates = MEASURED): string {
  const plans = loads.map((load) => ({ load, plan: planScale(load, rates) }))
  const row = (name: string, cell: (load: Load, plan: Plan) => string) =>
    `| ${[name, ...plans.map(({ load, plan }) => cell(load, plan))].join(' | ')} |`
  const count = (value: number) => value.toLocaleString('en')
  const names = plans[0]?.plan.parts.map(({ name }) => name) ?? []
  return [
    row('', ({ name }) => name),
    row('---', () => '--:'),
    row('depots', ({ depots }) => count(depots)),
    row('packages; repository, of each', (load) => `${count(load.packages)}; ${showBytes(load.repositoryBytes)}`),
    row('exports an hour; of each', (load) => `${count(load.exportsPerHour)}; ${showBytes(load.exportBytes)}`),
    row('bytes packed a second, all', (load) =>
      showBytes((load.depots * load.exportsPerHour * load.exportBytes) / HOUR)
    ),
    row('polls a second', ({ pollsPerSecond }) => count(pollsPerSecond)),
    row('**servers of a depot; of all**', (_, plan) => `**${count(plan.servers)}; ${count(plan.allServers)}**`),
    ...names.map((name, index) => row(name, (_, plan) => showPart(plan.parts[index]))),
    row('archives kept, and for how long', ({ keptDays }, plan) => `${showBytes(plan.keptBytes)}, ${keptDays} days`),
    row('first scan, hours', (_, plan) => plan.firstScanHours.toPrecision(2)),
    row('scan without changes, minutes', (_, plan) => plan.rescanMinutes.toPrecision(2)),
    row('what more servers do not help', (_, plan) => `${plan.ceiling.name}: ${percent(plan.ceiling.use)}`),
    ''
  ].join('\n')
}

function showPart(part: Part | undefined): string {
  if (part === undefined) return ''
  return part.canBeAdded ? `${part.servers.toLocaleString('en')} at ${percent(part.use)}` : percent(part.use)
}

function main(): void {
  const option = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      exports: option,
      export: option,
      polls: option,
      downloads: option,
      packages: option,
      repository: option,
      kept: option,
      depots: option
    }
  })
  if (Object.keys(values).length === 0) return void process.stdout.write(showPlans(LOADS))
  const [site] = LOADS as [Load, ...Load[]]
  const { exports, polls, downloads, packages, kept, depots } = values
  const number = (text: string | undefined, otherwise: number) => (text === undefined ? otherwise : Number(text))
  const load = {
    name: 'this load',
    depots: number(depots, 1),
    packages: number(packages, site.packages),
    repositoryBytes: values.repository === undefined ? site.repositoryBytes : parseBytes(values.repository),
    exportsPerHour: number(exports, site.exportsPerHour),
    exportBytes: values.export === undefined ? site.exportBytes : parseBytes(values.export),
    downloadsPerExport: number(downloads, site.downloadsPerExport),
    pollsPerSecond: number(polls, site.pollsPerSecond),
    keptDays: number(kept, site.keptDays)
  }
  process.stdout.write(showPlans([load]))
}

if (import.meta.main) main()
