/** Many clients that download ranges of an archive at the same time. */
import { type BenchContext, type BenchResult, target } from './bench.ts'
import { authorizationOf, NGINX, row, type Source, speedTarget, toTable } from './download-source.ts'
import type { RangeSettings } from './load-ranges.ts'
import { watchMemory } from './memory.ts'
import { type Contender, medianPeakBytes, type Run, runRounds } from './rounds.ts'
import { runProgram } from './run-process.ts'

const CLIENTS = 50
const RANGES_PER_CLIENT = 4
const RANGE_BYTES = 16 * 1024 * 1024
const QUICK_RANGE_BYTES = 1024 * 1024

/**
 * @param bytes of the archive
 * @param peakForOne bytes that the server had at most with one client
 */
export async function measureMany(
  context: BenchContext,
  sources: readonly Source[],
  bytes: number,
  peakForOne: number
): Promise<BenchResult> {
  const rangeBytes = context.isQuick ? QUICK_RANGE_BYTES : RANGE_BYTES
  const settings = { bytes, clients: CLIENTS, rangesPerClient: RANGES_PER_CLIENT, rangeBytes }
  const contenders = sources.map(
    (source): Contender => ({
      name: source.name,
      command: `node bench/load-ranges.ts: ${CLIENTS} clients, each ${RANGES_PER_CLIENT} ranges of ${rangeBytes / 2 ** 20} MiB`,
      async run() {
        const memory = watchMemory(source.pid)
        const all: RangeSettings = { ...settings, url: source.url, authorization: authorizationOf(source) }
        const { seconds } = await runProgram<Run>(context.workspace, './load-ranges.ts', [JSON.stringify(all)])
        memory.stop()
        return { seconds, peakBytes: memory.peakBytes }
      },
      cleanUp() {}
    })
  )
  const own = sources.filter(({ login }) => login !== '').map(({ name }) => name)
  const rounds = await runRounds(context.workspace, contenders, context.rounds)
  const more = (medianPeakBytes(rounds, own[0] ?? '') - peakForOne) / 1e6
  return {
    tables: [
      toTable(
        `Ranges of the archive, ${CLIENTS} clients at a time`,
        sources.map(({ name }) => row(rounds, name, NGINX, CLIENTS * RANGES_PER_CLIENT * rangeBytes)),
        [`${contenders[0]?.command}, the same for all servers`]
      )
    ],
    targets: [
      ...own.map((name) => speedTarget(rounds, name, NGINX, `, ${CLIENTS} clients with ranges`)),
      target(`download: ${CLIENTS} clients take at most 50 MB more RSS of the server than one`, more, { atMost: 50 })
    ]
  }
}
