/** Export throughput of several servers compared with one, on one PostgreSQL and one bucket. */
import type { BenchContext } from './bench.ts'
import { type Engines, startEngines } from './engines.ts'
import { watchIdle } from './processor-time.ts'
import { median, prepareRun } from './rounds.ts'
import { type Server, startServer } from './server.ts'
import { openSlowWay } from './slow-way.ts'

/** What every server is given to work with. */
export interface Load {
  readonly name: string
  /** Bytes a second that a server can send to the storage; undefined: no limit. */
  readonly bytesPerSecond?: number
  readonly exports: number
}

export interface ManyServers {
  readonly load: Load
  readonly servers: number
  readonly seconds: number
  readonly exportsPerHour: number
  readonly bytesPerSecond: number
  /** Part of all cores, from 0 to 1. */
  readonly idle: number
}

export const SERVERS = [1, 2, 3]
export const LOADS: readonly Load[] = [
  { name: 'each sends 16 MB/s to the storage', bytesPerSecond: 16_000_000, exports: 48 },
  { name: 'each sends without a limit', exports: 96 }
]
const QUICK_EXPORTS = 6

/** In rotation, so that slow phases of the machine affect all of them. */
export async function measureManyServers(context: BenchContext): Promise<ManyServers[]> {
  const rounds: ManyServers[] = []
  for (let round = 0; round < context.rounds; round += 1) {
    // The storage does not free its memory when objects are removed.
    const engines = await startEngines(context.workspace)
    for (const load of LOADS) {
      for (const servers of SERVERS) {
        const step = await measureOnce(context, engines, load, servers)
        process.stderr.write(`  ${servers} servers, ${load.name}: ${step.seconds.toFixed(1)} s\n`)
        rounds.push(step)
      }
    }
    await engines.stop()
  }
  return LOADS.flatMap((load) =>
    SERVERS.map((servers) => {
      const runs = rounds.filter((run) => run.load === load && run.servers === servers)
      const medianOf = (value: (run: ManyServers) => number) => median(runs.map(value))
      return {
        load,
        servers,
        seconds: medianOf(({ seconds }) => seconds),
        exportsPerHour: medianOf(({ exportsPerHour }) => exportsPerHour),
        bytesPerSecond: medianOf(({ bytesPerSecond }) => bytesPerSecond),
        idle: medianOf(({ idle }) => idle)
      }
    })
  )
}

async function measureOnce(context: BenchContext, engines: Engines, load: Load, count: number): Promise<ManyServers> {
  const { directory, packages } = context.corpus('payloads')
  const databaseUrl = await engines.newDatabase()
  const bucket = await engines.newBucket()
  const ways = await Promise.all(
    Array.from({ length: count }, () => openSlowWay(engines.endpoint, load.bytesPerSecond ?? Number.POSITIVE_INFINITY))
  )
  const servers: Server[] = []
  for (const { url } of ways) {
    const settings = { ...bucket, FIXDEPOT_DATABASE_URL: databaseUrl, FIXDEPOT_S3_ENDPOINT: url }
    servers.push(await startServer(context.workspace, directory, settings))
  }
  for (const server of servers) await server.waitUntilIdle()
  await prepareRun(context.workspace, 0)

  const chosen = packages.slice(0, context.isQuick ? QUICK_EXPORTS : load.exports)
  const idle = watchIdle()
  const started = performance.now()
  // Any server may accept an export: an idle one packs it.
  const asked = chosen.map(async ({ fixid }, index) => {
    const server = servers[index % count] as Server
    return { server, id: await server.requestExport([fixid]) }
  })
  for (const { server, id } of await Promise.all(asked)) await server.waitForTask(id)
  const seconds = (performance.now() - started) / 1000
  const idlePart = idle()
  await Promise.all(servers.map((server) => server.stop()))
  for (const way of ways) way.close()
  const bytes = chosen.reduce((sum, each) => sum + each.bytes, 0)
  return {
    load,
    servers: count,
    seconds,
    exportsPerHour: (chosen.length / seconds) * 3600,
    bytesPerSecond: bytes / seconds,
    idle: idlePart
  }
}
