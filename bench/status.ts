/**
 * Latency and throughput of the status of exports, while the server packs at full speed.
 */
import fs from 'node:fs'
import path from 'node:path'
import { type Bench, type BenchContext, inMegabytes, target } from './bench.ts'
import type { StatusSettings } from './endless-exports.ts'
import { type Latency, latencyCells } from './latency.ts'
import { watchMemory } from './memory.ts'
import type { PollResult, PollSettings } from './poll-status.ts'
import { runProgram } from './run-process.ts'
import type { SaturationResult, SaturationSettings } from './saturate-status.ts'
import { type Server, startServer } from './server.ts'
import { startUntilStopped } from './until-stopped.ts'

const WORKERS = 2
const POLLS_PER_SECOND = 500
const CONNECTIONS = 100
const LIMIT_MS = 15
const SATURATED_POLLS_PER_SECOND = 5_000

export const benchStatus: Bench = async (context) => {
  const { workspace, isQuick } = context
  const settings = { FIXDEPOT_WORKERS: String(WORKERS) }
  const server = await startServer(workspace, context.corpus('payloads').directory, settings)
  // Shows the latency of the machine at that time.
  const bare = await startUntilStopped(workspace, './bare-server.ts')
  await server.waitUntilIdle()
  const memory = watchMemory(server.pid)
  const idleSettings = await prepare(context, server)
  const busySettings = { ...idleSettings.still, exports: idleSettings.exports }
  const poll = (settings: StatusSettings, seconds: number) => {
    const rate = { bareUrl: bare.line, connections: CONNECTIONS, pollsPerSecond: POLLS_PER_SECOND, seconds }
    const all: PollSettings = { ...settings, ...rate }
    return runProgram<PollResult>(workspace, './poll-status.ts', [JSON.stringify(all)])
  }
  const saturate = (settings: StatusSettings, seconds: number) => {
    const all: SaturationSettings = { ...settings, connections: CONNECTIONS, seconds }
    return runProgram<SaturationResult>(workspace, './saturate-status.ts', [JSON.stringify(all)])
  }
  const idle = await poll(idleSettings.still, isQuick ? 3 : 10)
  const busy = await poll(busySettings, isQuick ? 5 : 30)
  const idleSaturated = await saturate(idleSettings.still, isQuick ? 2 : 10)
  const busySaturated = await saturate(busySettings, isQuick ? 3 : 15)
  memory.stop()
  await bare.stop()
  await server.stop()
  return {
    tables: [
      {
        title: `Status at ${POLLS_PER_SECOND} polls a second over ${CONNECTIONS} connections`,
        head: ['', 'polls', 'exports', 'p50 ms', 'p99 ms', 'max ms'],
        rows: [
          row('fixdepot, idle', '', idle.status),
          row('bare server, at the same time', '', idle.bare),
          row(`fixdepot, packs ${WORKERS} archives at a time`, busy.exports, busy.status),
          row('bare server, at the same time', '', busy.bare),
          row(`fixdepot, in ${busy.calmSeconds} seconds without a stall of the machine`, '', busy.calmStatus)
        ],
        notes: [
          `GET …/status?taskid=…, basic authentication, connections kept, FIXDEPOT_WORKERS=${WORKERS}; a process of its own asks on ` +
            'a fixed schedule, and the time is measured from the moment at which the poll was due.',
          'Bare server: a process with `node:http` and nothing else, polled 100 times a second between the polls of ours. ' +
            'Where that takes more than 25 ms, the whole machine stalls; such seconds are shown, and not compared with the limit.'
        ]
      },
      {
        title: `Status at saturation: ${CONNECTIONS} connections that ask again at once`,
        head: ['', 'polls', 'exports', 'polls/s', 'p50 ms', 'p99 ms', 'max ms'],
        rows: [
          saturatedRow('fixdepot, idle', idleSaturated),
          saturatedRow(`fixdepot, packs ${WORKERS} archives at a time`, busySaturated)
        ],
        notes: [
          `The polling process uses the same cores. Peak RSS of the server in all of this: ${inMegabytes(memory.peakBytes)} MB.`
        ]
      }
    ],
    targets: [
      target(
        `p99 of the status is at most ${LIMIT_MS} ms while ${WORKERS} exports run, in the ${busy.calmSeconds} seconds in which the machine ran`,
        busy.calmStatus.p99,
        { atMost: LIMIT_MS }
      ),
      target(
        `at saturation at least ${SATURATED_POLLS_PER_SECOND} polls a second are answered, idle`,
        idleSaturated.pollsPerSecond,
        { atLeast: SATURATED_POLLS_PER_SECOND }
      ),
      target(
        `at saturation at least ${SATURATED_POLLS_PER_SECOND} polls a second are answered, while ${WORKERS} exports run`,
        busySaturated.pollsPerSecond,
        { atLeast: SATURATED_POLLS_PER_SECOND }
      )
    ]
  }
}

/** An export of each half of the repository, packed once, so that there are tasks to poll. */
async function prepare({ workspace, corpus }: BenchContext, server: Server) {
  const { packages } = corpus('payloads')
  const halves = Array.from({ length: WORKERS }, (_, loop) =>
    packages.filter((_, index) => index % WORKERS === loop).map(({ fixid }) => fixid)
  )
  const taskIds: number[] = []
  const selections: string[] = []
  for (const [loop, fixids] of halves.entries()) {
    const id = await server.requestExport(fixids)
    await server.waitForTask(id)
    taskIds.push(id)
    const file = path.join(workspace.directory, `selection-${loop}.json`)
    fs.writeFileSync(file, JSON.stringify({ fixids }))
    selections.push(file)
  }
  const still: StatusSettings = { url: server.url, authorization: server.authorization, taskIds }
  return { still, exports: { selections, archivesDirectory: server.archivesDirectory } }
}

function row(name: string, exports: number | '', latency: Latency): string[] {
  return [name, String(latency.count), String(exports), ...latencyCells(latency)]
}

function saturatedRow(name: string, { exports, pollsPerSecond, status }: SaturationResult): string[] {
  return [name, String(status.count), String(exports), pollsPerSecond.toFixed(0), ...latencyCells(status)]
}
