/**
 * A process that polls the status of exports as fast as possible over many connections, without pauses. Its
 * argument is the JSON of `SaturationSettings`.
 */
import { createEndlessExports, type StatusSettings } from './endless-exports.ts'
import { openConnection } from './http-connection.ts'
import { type Latency, latencyOf } from './latency.ts'

export interface SaturationSettings extends StatusSettings {
  readonly connections: number
  readonly seconds: number
}

/** The output of the process. A latency is the time from a request to the end of its response. */
export interface SaturationResult {
  readonly pollsPerSecond: number
  readonly exports: number
  readonly status: Latency
}

const settings: SaturationSettings = JSON.parse(process.argv[2] ?? '{}')
const exports = createEndlessExports(settings)
const latencies: number[] = []

async function askAgainAndAgain(loop: number, until: number): Promise<void> {
  const connection = openConnection(settings.url)
  for (let asked = performance.now(); asked < until; asked = performance.now()) {
    const request = exports.requestOf(loop)
    const answer = await connection.ask(request)
    latencies.push(performance.now() - asked)
    await exports.see(loop, request, answer)
  }
  connection.close()
}

const started = performance.now()
const until = started + settings.seconds * 1000
await Promise.all(Array.from({ length: settings.connections }, (_, loop) => askAgainAndAgain(loop, until)))
const seconds = (performance.now() - started) / 1000
exports.close()
const result: SaturationResult = {
  pollsPerSecond: latencies.length / seconds,
  exports: exports.count,
  status: latencyOf(latencies)
}
process.stdout.write(JSON.stringify(result))
