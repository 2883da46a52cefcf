/**
 * A process that polls the status of exports at a fixed rate over several connections in rotation, and a bare server at
 * another rate. Its argument is the JSON of `PollSettings`.
 */
import { createEndlessExports, type StatusSettings } from './endless-exports.ts'
import { openConnection, requestText } from './http-connection.ts'
import { type Latency, latencyOf } from './latency.ts'
import { onSchedule } from './schedule.ts'

export interface PollSettings extends StatusSettings {
  readonly bareUrl: string
  readonly connections: number
  readonly pollsPerSecond: number
  readonly seconds: number
}

/** The output of the process. A latency is the time from the due time of a poll to the end of its response. */
export interface PollResult {
  readonly exports: number
  readonly status: Latency
  readonly bare: Latency
  /** Seconds in which the bare server answered all polls in time, and the status polls within these seconds. */
  readonly calmSeconds: number
  readonly calmStatus: Latency
}

interface Answered {
  readonly due: number
  readonly latency: number
}

/** The bare server needs 2 ms. If it needs more than this, the machine was overloaded. */
const CALM_MS = 25
const BARE_POLLS_PER_SECOND = 100

const settings: PollSettings = JSON.parse(process.argv[2] ?? '{}')
const exports = createEndlessExports(settings)
const connections = Array.from({ length: settings.connections }, () => openConnection(settings.url))
const bareConnection = openConnection(settings.bareUrl)
const bareRequest = requestText('GET', settings.bareUrl, {})
const statusAnswers: Answered[] = []
const bareAnswers: Answered[] = []

async function poll(due: number, index: number): Promise<void> {
  const connection = connections[index % connections.length]
  const request = exports.requestOf(index)
  const answer = await connection?.ask(request)
  statusAnswers.push({ due, latency: performance.now() - due })
  if (answer !== undefined) await exports.see(index, request, answer)
}

async function pollBare(due: number): Promise<void> {
  await bareConnection.ask(bareRequest)
  bareAnswers.push({ due, latency: performance.now() - due })
}

const secondOf = ({ due }: Answered) => Math.floor(due / 1000)

/** Groups by second: the seconds with a late answer of the bare server. */
function disturbedSeconds(): Set<number> {
  const late = bareAnswers.filter(({ latency }) => latency > CALM_MS)
  // Polls that were due during a late response are answered after it.
  return new Set(late.flatMap((answer) => [secondOf(answer), Math.floor((answer.due + answer.latency + 250) / 1000)]))
}

const latencies = (answers: readonly Answered[]) => latencyOf(answers.map(({ latency }) => latency))
const forSeconds = (perSecond: number) => ({
  perSecond,
  isOver: (calls: number) => calls >= settings.seconds * perSecond
})

await Promise.all([
  onSchedule(forSeconds(settings.pollsPerSecond), poll),
  onSchedule({ ...forSeconds(BARE_POLLS_PER_SECOND), offsetMs: 500 / settings.pollsPerSecond }, pollBare)
])
for (const connection of [...connections, bareConnection, exports]) connection.close()
const disturbed = disturbedSeconds()
const calm = statusAnswers.filter((answer) => !disturbed.has(secondOf(answer)))
const result: PollResult = {
  exports: exports.count,
  status: latencies(statusAnswers),
  bare: latencies(bareAnswers),
  calmSeconds: new Set(calm.map(secondOf)).size,
  calmStatus: latencies(calm)
}
process.stdout.write(JSON.stringify(result))
