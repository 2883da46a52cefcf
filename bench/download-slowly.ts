/** What clients that download slowly take of the server's memory. */
import { type BenchContext, type BenchResult, inMegabytes, target } from './bench.ts'
import type { SlowSettings } from './load-slowly.ts'
import { watchMemory } from './memory.ts'
import { runProcess } from './run-process.ts'
import { type Server, STORED, startServer } from './server.ts'
import { startUntilStopped } from './until-stopped.ts'

/** Two small buffers of a download, and what a connection takes. */
const LIMIT_BYTES = 160 * 1024
/** More than the system takes from a server for a client that does not read. */
const PACKAGES = 10

/** Gives the URL of an archive of these packages. */
type Offer = (server: Server, fixids: readonly string[]) => Promise<string>

const OFFERS: Readonly<Record<string, Offer>> = {
  async packed(server, fixids) {
    const name = await server.waitForTask(await server.requestExport(fixids))
    return `${server.url}?key=export&exportRepoFilename=${name}`
  },
  '/api/v1/archive': async (server, fixids) => `${server.address}/api/v1/archive?fixids=${fixids.join()}`
}

export async function measureSlow(context: BenchContext): Promise<BenchResult> {
  const clients = context.isQuick ? 50 : 300
  const measured = []
  for (const [name, offer] of Object.entries(OFFERS))
    measured.push({ name, ...(await measure(context, offer, clients)) })
  const perClient = ({ before, after }: { before: number; after: number }) => (after - before) / clients / 1024
  return {
    tables: [
      {
        title: `Memory of the server with ${clients} clients that read 64 KiB a second`,
        head: ['', 'RSS MB before', 'RSS MB with them', 'KiB for each'],
        rows: measured.map((each) => [
          `fixdepot, ${each.name}`,
          inMegabytes(each.before),
          inMegabytes(each.after),
          perClient(each).toFixed(0)
        ]),
        notes: [
          '`node bench/load-slowly.ts`, 3 s after they have begun; what the system keeps for a connection is not part of it'
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

/** With a server of its own: in one that has done much, memory that nobody uses would hide what is taken. */
async function measure(
  context: BenchContext,
  offer: Offer,
  clients: number
): Promise<{ before: number; after: number }> {
  const { workspace } = context
  const corpus = context.corpus('payloads')
  const server = await startServer(workspace, corpus.directory, STORED)
  await server.waitUntilIdle()
  const url = await offer(
    server,
    corpus.packages.slice(0, PACKAGES).map(({ fixid }) => fixid)
  )
  // Code that a first download makes the server load.
  const first = ['--silent', '--fail', '--output', '/dev/null', '--user', server.login, '--range', '0-65535', url]
  await runProcess(workspace, { file: 'curl', args: first })
  const before = residentBytes(server)
  const settings: SlowSettings = { url, authorization: server.authorization, clients }
  const load = await startUntilStopped(workspace, './load-slowly.ts', [JSON.stringify(settings)])
  const after = residentBytes(server)
  await load.stop()
  await server.stop()
  return { before, after }
}

function residentBytes({ pid }: Server): number {
  const memory = watchMemory(pid)
  memory.stop()
  return memory.peakBytes
}
