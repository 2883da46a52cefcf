/**
 * A process that asks for the status of a task at a fixed rate, whether or not the answers keep up: a client that waited for
 * each answer before it asked again would not see how long others wait. Its argument is the JSON of `PollSettings`.
 */
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { json } from 'node:stream/consumers'

export interface PollSettings {
  readonly url: string
  readonly authorization: string
  readonly taskId: number
  readonly pollsPerSecond: number
  readonly seconds: number
  /** Where to remove archives; without it no exports are started. */
  readonly archivesDirectory?: string
}

/** What the process prints. */
export interface PollResult {
  readonly polls: number
  readonly exports: number
  /** Milliseconds from the time at which a poll was due to the end of its answer. */
  readonly p50: number
  readonly p99: number
  readonly max: number
}

interface Answer {
  readonly taskid: number
  readonly progress: number
  readonly state: string
  readonly current: string
}

const settings: PollSettings = JSON.parse(process.argv[2] ?? '{}')
const agent = new http.Agent({ keepAlive: true })
const latencies: number[] = []
let { taskId } = settings
let exports = 0
let isChanging = false

function ask(method: string, query: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { authorization } = settings
    const request = http.request(settings.url + query, { method, agent, headers: { authorization } }, (response) => {
      json(response).then((answer) => {
        if (response.statusCode === 200) resolve(answer as Answer)
        else reject(new Error(`${method} ${query} was answered with ${response.statusCode}`))
      }, reject)
    })
    request.on('error', reject)
    request.end()
  })
}

async function poll(due: number): Promise<void> {
  const asked = taskId
  const status = await ask('GET', `/status?taskid=${asked}`)
  latencies.push(performance.now() - due)
  if (status.progress === 100 && asked === taskId) await nextExport(status)
}

/** One export after the other, so that there is always one that runs. */
async function nextExport({ state, current }: Answer): Promise<void> {
  if (settings.archivesDirectory === undefined || isChanging) return
  if (state !== 'complete') throw new Error(`The export ended as ${state}`)
  isChanging = true
  taskId = (await ask('PUT', '?action=export')).taskid
  exports += 1
  isChanging = false
  await fs.promises.rm(path.join(settings.archivesDirectory, current), { force: true })
}

async function pollAll(): Promise<void> {
  const interval = 1000 / settings.pollsPerSecond
  const count = settings.seconds * settings.pollsPerSecond
  const started = performance.now()
  const polls: Promise<void>[] = []
  await new Promise<void>((resolve) => {
    const tick = () => {
      const now = performance.now() - started
      while (polls.length < count && polls.length * interval <= now) polls.push(poll(started + polls.length * interval))
      if (polls.length < count) setTimeout(tick, polls.length * interval - now)
      else resolve()
    }
    tick()
  })
  await Promise.all(polls)
}

await pollAll()
agent.destroy()
latencies.sort((left, right) => left - right)
const quantile = (share: number) => latencies[Math.ceil(share * latencies.length) - 1] ?? Number.NaN
const result: PollResult = {
  polls: latencies.length,
  exports,
  p50: quantile(0.5),
  p99: quantile(0.99),
  max: quantile(1)
}
process.stdout.write(JSON.stringify(result))
