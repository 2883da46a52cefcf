/**
 * A process that asks for the status of a task at a fixed rate, whether or not the answers keep up: a client that waited for
 * each answer before it asked again would not see how long others wait. It asks a bare server in between, at the same rate.
 * Its argument is the JSON of `PollSettings`.
 */
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { json } from 'node:stream/consumers'

export interface PollSettings {
  readonly url: string
  readonly bareUrl: string
  readonly authorization: string
  readonly taskId: number
  readonly pollsPerSecond: number
  readonly seconds: number
  /** Where to remove archives; without it no exports are started. */
  readonly archivesDirectory?: string
}

/** Milliseconds from the time at which a poll was due to the end of its answer. */
export interface Latency {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** What the process prints. */
export interface PollResult {
  readonly polls: number
  readonly exports: number
  readonly status: Latency
  readonly bare: Latency
  /** Seconds in which the bare server answered all polls in time, and the status within them. */
  readonly calmSeconds: number
  readonly calmStatus: Latency
}

interface Answered {
  readonly due: number
  readonly latency: number
}

/** The bare server needs 2 ms. Where it needs more than this, the machine had no time for anybody. */
const CALM_MS = 25

interface Answer {
  readonly taskid: number
  readonly progress: number
  readonly state: string
  readonly current: string
}

const settings: PollSettings = JSON.parse(process.argv[2] ?? '{}')
const agent = new http.Agent({ keepAlive: true })
const statusAnswers: Answered[] = []
const bareAnswers: Answered[] = []
let { taskId } = settings
let exports = 0
let isChanging = false

function ask(method: string, url: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { authorization } = settings
    const request = http.request(url, { method, agent, headers: { authorization } }, (response) => {
      json(response).then((answer) => {
        if (response.statusCode === 200) resolve(answer as Answer)
        else reject(new Error(`${method} ${url} was answered with ${response.statusCode}`))
      }, reject)
    })
    request.on('error', reject)
    request.end()
  })
}

async function poll(due: number): Promise<void> {
  const asked = taskId
  const status = await ask('GET', `${settings.url}/status?taskid=${asked}`)
  statusAnswers.push({ due, latency: performance.now() - due })
  if (status.progress === 100 && asked === taskId) await nextExport(status)
}

async function pollBare(due: number): Promise<void> {
  await ask('GET', settings.bareUrl)
  bareAnswers.push({ due, latency: performance.now() - due })
}

/** One export after the other, so that there is always one that runs. */
async function nextExport({ state, current }: Answer): Promise<void> {
  if (settings.archivesDirectory === undefined || isChanging) return
  if (state !== 'complete') throw new Error(`The export ended as ${state}`)
  isChanging = true
  taskId = (await ask('PUT', `${settings.url}?action=export`)).taskid
  exports += 1
  isChanging = false
  await fs.promises.rm(path.join(settings.archivesDirectory, current), { force: true })
}

/** Calls with the time that it is due, so many times, whether or not the calls before have ended. */
async function onSchedule(offsetMs: number, call: (due: number) => Promise<void>): Promise<void> {
  const interval = 1000 / settings.pollsPerSecond
  const count = settings.seconds * settings.pollsPerSecond
  const started = performance.now() + offsetMs
  const calls: Promise<void>[] = []
  await new Promise<void>((resolve) => {
    const tick = () => {
      const now = performance.now() - started
      while (calls.length < count && calls.length * interval <= now) calls.push(call(started + calls.length * interval))
      if (calls.length < count) setTimeout(tick, calls.length * interval - now)
      else resolve()
    }
    tick()
  })
  await Promise.all(calls)
}

const secondOf = ({ due }: Answered) => Math.floor(due / 1000)

/** Groups by second: the seconds with a late answer of the bare server. */
function disturbedSeconds(): Set<number> {
  const late = bareAnswers.filter(({ latency }) => latency > CALM_MS)
  // What came late was due before, and who waited meanwhile is answered after it.
  return new Set(late.flatMap((answer) => [secondOf(answer), Math.floor((answer.due + answer.latency + 250) / 1000)]))
}

function latencyOf(answers: readonly Answered[]): Latency {
  const values = answers.map(({ latency }) => latency).sort((left, right) => left - right)
  const quantile = (share: number) => values[Math.ceil(share * values.length) - 1] ?? Number.NaN
  return { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) }
}

await Promise.all([onSchedule(0, poll), onSchedule(500 / settings.pollsPerSecond, pollBare)])
agent.destroy()
const disturbed = disturbedSeconds()
const calm = statusAnswers.filter((answer) => !disturbed.has(secondOf(answer)))
const result: PollResult = {
  polls: statusAnswers.length,
  exports,
  status: latencyOf(statusAnswers),
  bare: latencyOf(bareAnswers),
  calmSeconds: new Set(calm.map(secondOf)).size,
  calmStatus: latencyOf(calm)
}
process.stdout.write(JSON.stringify(result))
