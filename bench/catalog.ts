/** A large catalog in the real server: another scan, searches, and complete listings. */
import { type Bench, type BenchContext, type BenchResult, describeCorpus, inMegabytes, target } from './bench.ts'
import { CATEGORIES, type Corpus, MACHINE_TYPES } from './corpus.ts'
import { openConnection, requestText } from './http-connection.ts'
import { type Latency, latencyCells, latencyOf } from './latency.ts'
import { watchMemory } from './memory.ts'
import { median } from './rounds.ts'
import { type Server, startServer } from './server.ts'

const RESCAN_SECONDS = 3
const SEARCH_MS = 20
const PAGE_LIMITS = [100, 1000]
/** Permitted growth of the server's memory from the first listing to the last. */
const GROWTH = 1.1

export const benchCatalog: Bench = async (context) => {
  const corpus = context.corpus('catalog')
  const server = await startServer(context.workspace, corpus.directory)
  const memory = watchMemory(server.pid)
  const started = performance.now()
  await server.waitUntilIdle()
  const firstSeconds = (performance.now() - started) / 1000
  memory.stop()
  const first = `The first scan took ${firstSeconds.toFixed(1)} s and ${inMegabytes(memory.peakBytes)} MB, with the catalog process.`
  const results = [
    await measureRescans(context, server, corpus, first),
    await measureSearches(context, server),
    await measureListings(context, server, corpus)
  ]
  await server.stop()
  return {
    tables: results.flatMap(({ tables }) => tables),
    targets: results.flatMap(({ targets }) => targets)
  }
}

async function measureRescans(
  { rounds }: BenchContext,
  server: Server,
  corpus: Corpus,
  note: string
): Promise<BenchResult> {
  const seconds: number[] = []
  const memory = watchMemory(server.pid)
  for (let round = 0; round < rounds; round += 1) {
    seconds.push(await server.readAgain())
    await server.waitUntilIdle()
  }
  memory.stop()
  return {
    tables: [
      {
        title: `Reading an unchanged repository again, in the server (${describeCorpus(corpus)})`,
        head: ['', 'median s', 'files/s', 'peak RSS MB'],
        rows: [
          [
            'fixdepot',
            median(seconds).toFixed(2),
            Math.round(corpus.files / median(seconds)).toLocaleString('en'),
            inMegabytes(memory.peakBytes)
          ]
        ],
        notes: ['`PUT …?action=read`, until its task is complete; includes the start of the catalog process', note]
      }
    ],
    targets: [
      target(
        `catalog: an unchanged repository is read again in at most ${RESCAN_SECONDS} s, in the server`,
        median(seconds),
        { atMost: RESCAN_SECONDS }
      )
    ]
  }
}

/** Typical searches, and searches that find nothing, or almost everything. */
function searches(): string[] {
  const machineType = MACHINE_TYPES[MACHINE_TYPES.length >> 1]
  return [
    '',
    'q=bench_b00042',
    'q=network',
    'q=update',
    'q=nothing-like-this',
    `machineType=${machineType}`,
    `machineType=${machineType}&latest=true`,
    'latest=true',
    `q=${encodeURIComponent(CATEGORIES[3] ?? '')}&latest=true&downloaded=true`,
    'kind=system-pack'
  ]
}

async function measureSearches({ isQuick }: BenchContext, server: Server): Promise<BenchResult> {
  const connection = openConnection(server.address)
  const all = searches().map((query) => ({ query, bytes: 0, milliseconds: [] as number[] }))
  for (let count = 0; count < (isQuick ? 20 : 200); count += 1) {
    for (const search of all) {
      const { authorization } = server
      const request = requestText('GET', `${server.address}/api/v1/packages?${search.query}`, { authorization })
      const asked = performance.now()
      const answer = await connection.ask(request)
      search.milliseconds.push(performance.now() - asked)
      if (answer.status !== 200) throw new Error(`${search.query} was answered with ${answer.status}: ${answer.text}`)
      search.bytes = answer.bytes
    }
  }
  connection.close()
  const measured = all.map(({ query, bytes, milliseconds }) => ({ query, bytes, latency: latencyOf(milliseconds) }))
  return {
    tables: [
      {
        title: 'Searching the catalog, pages of 100',
        head: ['', 'answer KB', 'p50 ms', 'p99 ms', 'max ms'],
        rows: measured.map(({ query, bytes, latency }) => [
          `\`GET /api/v1/packages?${query}\``,
          (bytes / 1000).toFixed(1),
          ...latencyCells(latency)
        ]),
        notes: ['One client, Basic authentication, a persistent connection, the queries in turn']
      }
    ],
    targets: [
      target(
        `catalog: p99 of the slowest search is at most ${SEARCH_MS} ms`,
        Math.max(...measured.map(({ latency }) => latency.p99)),
        {
          atMost: SEARCH_MS
        }
      )
    ]
  }
}

interface Listing {
  readonly seconds: number
  readonly pages: Latency
  readonly peakBytes: number
}

async function measureListings({ rounds }: BenchContext, server: Server, corpus: Corpus): Promise<BenchResult> {
  const rows: string[][] = []
  const listings: Listing[] = []
  // Twice each at least, so that there is something to compare the memory with.
  for (const limit of PAGE_LIMITS) {
    const same: Listing[] = []
    for (let round = 0; round < Math.max(2, rounds); round += 1) same.push(await listAll(server, corpus, limit))
    listings.push(...same)
    const latencies = same.map(({ pages }) => pages)
    rows.push([
      `pages of ${limit}`,
      median(same.map(({ seconds }) => seconds)).toFixed(2),
      String(latencies[0]?.count),
      ...(['p50', 'p99', 'max'] as const).map((name) => median(latencies.map((each) => each[name])).toFixed(1)),
      inMegabytes(Math.max(...same.map(({ peakBytes }) => peakBytes)))
    ])
  }
  const growth = (listings.at(-1)?.peakBytes ?? Number.NaN) / (listings[0]?.peakBytes ?? Number.NaN)
  return {
    tables: [
      {
        title: `Listing all ${corpus.packages.length.toLocaleString('en')} packages by cursor`,
        head: ['', 'median s', 'pages', 'p50 ms', 'p99 ms', 'max ms', 'peak RSS MB'],
        rows,
        notes: ['`GET /api/v1/packages?limit=…&cursor=…` until `next` is null; the time of a page includes parsing it']
      }
    ],
    targets: [
      target(`catalog: RSS in the last listing is at most ${GROWTH} × that in the first one`, growth, {
        atMost: GROWTH
      })
    ]
  }
}

/** @throws Error when a package is missing or is listed twice */
async function listAll(server: Server, { packages }: Corpus, limit: number): Promise<Listing> {
  const memory = watchMemory(server.pid)
  const found = new Set<string>()
  const milliseconds: number[] = []
  let listed = 0
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = new URLSearchParams({ limit: String(limit), ...(cursor !== '' && { cursor }) })
    const asked = performance.now()
    const page: { packages: { fixid: string }[]; next: string | null } = await server.call(
      'GET',
      `/api/v1/packages?${query}`
    )
    milliseconds.push(performance.now() - asked)
    for (const { fixid } of page.packages) found.add(fixid)
    listed += page.packages.length
    cursor = page.next
  }
  memory.stop()
  if (listed !== packages.length || found.size !== packages.length) {
    throw new Error(`${listed} packages were listed, ${found.size} different ones; there are ${packages.length}`)
  }
  const seconds = milliseconds.reduce((sum, value) => sum + value, 0) / 1000
  return { seconds, pages: latencyOf(milliseconds), peakBytes: memory.peakBytes }
}
