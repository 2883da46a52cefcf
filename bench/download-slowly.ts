/** The memory of the server for clients that download slowly. */
import { type BenchContext, type BenchResult, inMegabytes, target } from './bench.ts'
import type { SlowSettings } from './load-slowly.ts'
import { watchMemory } from './memory.ts'
import { runProcess } from './run-process.ts'
import { type Server, startServer } from './server.ts'
import { type ReadyProcess, startUntilStopped } from './until-stopped.ts'

/** Two small buffers of a download, and a connection. */
const LIMIT_BYTES = 160 * 1024
/** More than the socket buffers hold for a client that does not read. */
const PACKAGES = 10

/** @returns the URL of an archive of these packages */
type Offer = (server: Server, fixids: readonly string[]) => Promise<string>

const OFFERS: Readonly<Record<string, Offer>> = {
  async packed(server, fixids) {
    const name = await server.waitForTask(await server.requestExport(fixids))
    return `${server.url}?key=export&exportRepoFilename=${name}`
  },
  '/api/v1/archive': async (server, fixids) => `${server.address}/api/v1/archive?fixids=${fixids.join()}`
}

/** RSS of the server in bytes, with no client, with the first ones, and with more. */
interface Measured {
  readonly before: number
  readonly withFirst: number
  readonly withAll: number
}

export async function measureSlow(context: BenchContext): Promise<BenchResult> {
  const clients = context.isQuick ? 50 : 300
  const first = clients / 2
  const measured = []
  for (const [name, offer] of Object.entries(OFFERS))
    measured.push({ name, ...(await measure(context, offer, [first, clients])) })
  const perClient = ({ withFirst, withAll }: Measured) => (withAll - withFirst) / clients / 1024
  return {
    tables: [
      {
        title: 'Memory of the server with clients that read 64 KiB a second',
        head: ['', 'RSS MB before', `with ${first}`, `with ${clients} more`, 'KiB for each of these'],
        rows: measured.map((each) => [
          `fixdepot, ${each.name}`,
          inMegabytes(each.before),
          inMegabytes(each.withFirst),
          inMegabytes(each.withAll),
          perClient(each).toFixed(0)
        ]),
        notes: [
          '`node bench/load-slowly.ts`, 3 s after the start; kernel memory of a connection is not included.',
          'All begin at the same moment, in which the process allocates megabytes for each of them: that garbage is attributed to the ' +
            'first of them, and its memory is reused for the others.'
        ]
      }
    ],
    targets: measured.map((each) =>
      target(`download, ${each.name}: a slow client takes at most ${LIMIT_BYTES / 1024} KiB of RSS`, perClient(each), {
        atMost: LIMIT_BYTES / 1024
      })
    )
  }
}

/** With a new server: in a used one, free heap memory would hide new allocations. */
async function measure(context: BenchContext, offer: Offer, groups: readonly [number, number]): Promise<Measured> {
  const { workspace } = context
  const corpus = context.corpus('payloads')
  const server = await startServer(workspace, corpus.directory)
  await server.waitUntilIdle()
  const url = await offer(
    server,
    corpus.packages.slice(0, PACKAGES).map(({ fixid }) => fixid)
  )
  // Loads the code of a download before the measurement.
  const first = ['--silent', '--fail', '--output', '/dev/null', '--user', server.login, '--range', '0-65535', url]
  await runProcess(workspace, { file: 'curl', args: first })
  const before = residentBytes(server)
  const loads: ReadyProcess[] = []
  const startClients = async (clients: number) => {
    const settings: SlowSettings = { url, authorization: server.authorization, clients }
    loads.push(await startUntilStopped(workspace, './load-slowly.ts', [JSON.stringify(settings)]))
    return residentBytes(server)
  }
  const [withFirst, withAll] = [await startClients(groups[0]), await startClients(groups[1])]
  for (const load of loads) await load.stop()
  await server.stop()
  return { before, withFirst, withAll }
}

function residentBytes({ pid }: Server): number {
  const memory = watchMemory(pid)
  memory.stop()
  return memory.peakBytes
}
