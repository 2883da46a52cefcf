/**
 * Calculates what a load needs: how many servers, where each part of them saturates, and which one first. The rates are
 * those that were measured on one machine of two cores (docs/scale.md says where each is from); other measurements can
 * be passed.
 *
 * node scripts/scale-plan.ts the loads of docs/scale.md, as a table node scripts/scale-plan.ts --exports=500
 * --export=20GB --polls=2000 --downloads=800 --packages=50000 --repository=5TB --kept=7
 */
import { parseArgs } from 'node:util'

export interface Load {
  readonly name: string
  /**
   * Depots that know nothing of each other, each with a database and a prefix of its own. All other figures are of one
   * of them.
   */
  readonly depots: number
  readonly packages: number
  readonly repositoryBytes: number
  readonly exportsPerHour: number
  readonly exportBytes: number
  /** How often an archive is fetched. */
  readonly downloadsPerExport: number
  readonly pollsPerSecond: number
  readonly keptDays: number
}

/** Of one server of two cores, or of one database. */
export interface Rates {
  readonly pollsPerSecond: number
  /** Bytes a second that a server packs into a bucket, with the storage's own work for it on the same cores. */
  readonly packedBytesPerSecond: number
  /** Bytes a second that a server sends to clients. */
  readonly sentBytesPerSecond: number
  /** Exports of which one database takes in, has claimed and ends so many a second. */
  readonly exportsPerSecond: number
  /** Bytes a second of new files that the one process which scans reads and digests. */
  readonly scannedBytesPerSecond: number
  /** Files a second that are asked whether they have changed. */
  readonly lookedAtPerSecond: number
  /** What a network card carries in each direction. */
  readonly networkBytesPerSecond: number
}

export interface Part {
  readonly name: string
  /** Of one depot. */
  readonly servers: number
  /** Whether more servers help. */
  readonly canBeAdded: boolean
  /** How much of what it can do the load takes, from 0 to 1, with that many servers. */
  readonly use: number
}

export interface Plan {
  readonly parts: readonly Part[]
  /** Of one depot: whatever part wants most of them, since every server does all of it. */
  readonly servers: number
  readonly allServers: number
  /** Archives that are kept at a time, of all depots. */
  readonly keptBytes: number
  /** Of one depot, on one server. */
  readonly firstScanHours: number
  readonly rescanMinutes: number
  /** The part that is used most among those that no server helps. */
  readonly ceiling: Part
}

/** Files that a package has, as in docs/scale.md. */
const FILES_PER_PACKAGE = 4
/**
 * Above it waiting grows fast: at 0.7 a request waits 2.3 times as long as its service takes (M/M/1, 0.7 / (1 - 0.7)).
 */
const HIGHEST_USE = 0.7
const HOUR = 3_600

export const MEASURED: Rates = {
  pollsPerSecond: 5_200,
  packedBytesPerSecond: 40e6,
  sentBytesPerSecond: 1_000e6,
  exportsPerSecond: 46,
  scannedBytesPerSecond: 1_590e6,
  lookedAtPerSecond: 10_000,
  networkBytesPerSecond: 1_250e6
}

/** @throws RangeError for a load that no number of servers carries: divide it into more depots */
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
  // Packing leaves no core for other requests: the shares of all that a server does add up.
  const cores = byServers(
    'cores: packing, sending, answering',
    packed / rates.packedBytesPerSecond + sent / rates.sentBytesPerSecond + polled
  )
  // What is packed comes in once and goes out once; what is sent comes from the storage.
  const network = byServers('network of the servers', (packed + sent) / rates.networkBytesPerSecond)
  const database = alone('database: accepting and ending exports', exportsPerSecond / rates.exportsPerSecond)
  const files = load.packages * FILES_PER_PACKAGE
  const rescanSeconds = files / rates.lookedAtPerSecond
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
  if (number === undefined) throw new RangeError(`${text} is no size such as 500GB`)
  return Number(number) * 1_000 ** UNITS.indexOf(unit as (typeof UNITS)[number])
}

function showBytes(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  return `${Number((bytes / 1_000 ** power).toPrecision(3))} ${UNITS[power]}B`
}

const percent = (use: number) => `${Number((use * 100).toPrecision(2))} %`

/** As a table of Markdown, a column for each load. */
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
